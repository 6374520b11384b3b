"""Importance of MRNet's masks: the error with each of them left open or made even, under the run's own protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from transmodal.cohorts.store import Cohort
from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.participants import ModelTranslator, Participants
from transmodal.evaluation.statistics.paired_tests import by_patient
from transmodal.experiments.study.bench import Entrant
from transmodal.experiments.study.scored import read_scored
from transmodal.experiments.study.units import Content
from transmodal.inference.load import load
from transmodal.translators.mrnet.translator import MRNet

WHOLE = "whole"
METRIC = "mae"


Way = Literal["left open", "made even"]
"""Left open, a mask lets everything pass; made even, it lets its mean pass everywhere: its level without its pattern."""


class LeftOut(NamedTuple):
    """A run with some masks replaced, as it travels to a process.

    Attributes:
        entrant: the run.
        evaluation: folder of its evaluation, which says target, protocol and cases.
        cohort: that is scored.
        masks: numbers of the masks that are replaced, from 0.
        way: by what.
        device: where it runs.
    """

    entrant: Entrant
    evaluation: Path
    cohort: Path
    masks: tuple[int, ...]
    way: Way
    device: str | None


class OpenMask(nn.Module):
    """A mask that lets everything pass."""

    def forward(self, image: Tensor) -> Tensor:
        """Return 1 for every pixel of an image."""
        return torch.ones_like(image)


class EvenMask(nn.Module):
    """A mask that lets another one's mean pass everywhere."""

    def __init__(self, mask: nn.Module) -> None:
        super().__init__()
        self.mask = mask

    def forward(self, image: Tensor) -> Tensor:
        """Return the mean of the mask of an image over its pixels, for every pixel."""
        values: Tensor = self.mask(image)
        return values.mean(dim=(-2, -1), keepdim=True).expand_as(values)


def n_masks(entrant: Entrant) -> int:
    """Return how many masks a run has."""
    translator = load(entrant.folder, device="cpu").translator
    return len(translator.generator.masks) if isinstance(translator, MRNet) else 0


def name_of(masks: tuple[int, ...], way: Way) -> str:
    """Return the name of a run with masks replaced, as tables show it."""
    if not masks:
        return WHOLE
    return f"mask {masks[0] + 1} {way}" if len(masks) == 1 else f"all masks {way}"


def score_without(item: LeftOut) -> Content:
    """Return the mean absolute error of every case inside its mask, with some masks replaced."""
    scored = read_scored(item.evaluation, Cohort.open(item.cohort))
    model = load(item.entrant.folder, device=item.device)
    translator = model.translator
    assert isinstance(translator, MRNet)
    for number in item.masks:
        own = translator.generator.masks[number]
        translator.generator.masks[number] = OpenMask() if item.way == "left open" else EvenMask(own)
    result = evaluate_cases(
        Participants([ModelTranslator("left out", model)]), scored.cases(), scored.task, metrics=(METRIC,)
    )
    column = next(column for column in result.main_columns() if column.metric == METRIC)
    rows = [row for row in result.rows if row.metric == METRIC and row.protocol == column.protocol]
    return {
        "unit": column.unit,
        "protocol": column.protocol.text(),
        "values": by_patient((row.patient, row.value) for row in rows),
    }
