"""The study of masks: finds a mask that acts in one tissue and is needed, and nothing in masks that are even."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.record import StudyFigure
from transmodal.experiments.study.studies.masks import importance, maps
from transmodal.experiments.study.studies.masks.answer import (
    ANATOMY,
    IMPORTANCE,
    PAIRS,
    PLACES,
    STUDY,
    Options,
)
from transmodal.inference.load import load
from transmodal.inference.model import Model

BenchOf = Callable[..., Bench[Options]]


class Half(nn.Module):
    """Closes the first rows of an image, in which one of the labelled halves lies, and opens the others."""

    def forward(self, image: Tensor) -> Tensor:
        mask = torch.ones_like(image)
        mask[..., :17, :] = 0.6  # 14 rows in a window of 32
        return mask


class Even(nn.Module):
    """Lets everything pass."""

    def forward(self, image: Tensor) -> Tensor:
        return torch.ones_like(image)


def plant(monkeypatch: pytest.MonkeyPatch, *kinds: type[nn.Module]) -> None:
    """Load runs with other masks than they learned, and an image of 0.88 FA that they correct."""

    def with_masks(folder: Path, device: str) -> Model:
        model = load(folder, device=device)
        generator: Any = model.translator.generator
        with torch.no_grad():
            generator.head.weight.zero_()
            generator.head.bias.fill_(1.0)
        for n, kind in enumerate(kinds):
            generator.masks[n] = kind()
        return model

    monkeypatch.setattr(maps, "load", with_masks)
    monkeypatch.setattr(importance, "load", with_masks)


def pick(figures: tuple[StudyFigure, ...], table: str, group: str, figure: str = "") -> StudyFigure:
    return next(f for f in figures if (f.table, f.group) == (table, group) and figure in f.figure)


def test_a_planted_effect_is_found(bench_of: BenchOf, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, Half, Even)
    findings = STUDY.answer(bench_of("mrnet"))
    figures = findings.figures
    assert pick(figures, ANATOMY, "mask 1", "own").value == pytest.approx(1, abs=0.1)
    assert pick(figures, ANATOMY, "mask 2", "own").value == 0
    passed = {f.group: f.value for f in figures if f.table == PLACES}
    assert passed["mask 1: label 1"] == pytest.approx(0.6, abs=0.05)
    assert (passed["mask 1: label 2"] or 0) > 0.95
    assert passed["mask 2: label 1"] == 1
    change = pick(figures, IMPORTANCE, "mask 1 left open")
    assert change.interval is not None
    assert change.interval[0] > 0.05
    assert change.p is not None
    assert change.p < 0.2
    assert any("mask 1 left open: that raises the error by" in s for s in findings.sentences)
    assert pick(figures, IMPORTANCE, "mask 1 made even").value not in (None, 0, change.value)
    assert pick(figures, IMPORTANCE, "mask 2 made even").value == 0
    assert any(s.startswith("Follows the anatomy: mask 1 of mrnet") for s in findings.sentences)


def test_nothing_is_found_where_nothing_was_planted(
    bench_of: BenchOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, Even, Even)
    findings = STUDY.answer(bench_of("mrnet"))
    for name in ("mask 1 left open", "mask 2 made even", "all masks left open"):
        assert pick(findings.figures, IMPORTANCE, name).value == 0
    assert "No map is shown to follow the anatomy." in findings.sentences
    assert pick(findings.figures, PAIRS, "mask 1 and mask 2", "tenth").value is not None
    assert any("mask 2 left open: that is not shown to change the error" in s for s in findings.sentences)


def test_attention_has_places_but_no_importance(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of("agi_net"))
    assert [table.name for table in findings.tables] == [ANATOMY, PLACES]
    assert findings.omissions[0].part == "importance"
    assert all(0 <= (f.value or 0) <= 1 for f in findings.figures)
