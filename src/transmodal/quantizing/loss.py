"""The cost of integers: figures of validation subjects by the network in float32 and in integers, and what is too much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from transmodal.cohorts.store import Cohort
from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.external.sites import mask_site_cases, read_site
from transmodal.evaluation.participants import ModelTranslator, Participants
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.score import STANDARD
from transmodal.evaluation.task import reference_units
from transmodal.inference.model import Model
from transmodal.metrics.table import Row
from transmodal.progress import StageProgress

FLOAT, INTEGER = "float32", "int8"
LARGEST_LOSS_DB = 0.1
"""Most that PSNR may fall in the mean over validation subjects."""
LARGEST_SHIFTS_HU = {"soft tissue": 2.0, "bone": 10.0}
"""Most that the mean of a tissue may move, of a target in HU."""


class Loss(NamedTuple):
    """The cost of integers on validation subjects.

    Attributes:
        subjects: how many cases.
        figures: of each metric and protocol, the means in float32 and in integers.
        psnr_db: by how much PSNR falls, inside the mask where there is one.
        shifts_hu: by how much the mean of each tissue moves; empty for a target that is not in HU.
    """

    subjects: int
    figures: tuple[dict[str, Any], ...]
    psnr_db: float
    shifts_hu: dict[str, float]

    def excesses(self) -> list[str]:
        """Return what is too much, in words; nothing where the network may be kept."""
        words = []
        if not self.psnr_db <= LARGEST_LOSS_DB:
            words.append(f"PSNR falls by {self.psnr_db:.3g} dB, of {LARGEST_LOSS_DB:g} allowed")
        for tissue, limit in LARGEST_SHIFTS_HU.items():
            shift = self.shifts_hu.get(tissue, 0.0)
            if not abs(shift) <= limit:
                words.append(f"{tissue} moves by {shift:+.3g} HU, of {limit:g} allowed")
        return words

    def to_json(self) -> dict[str, Any]:
        """Return it for the record."""
        return {
            "split": "validation",
            "subjects": self.subjects,
            "psnr_db": self.psnr_db,
            "shifts_hu": self.shifts_hu,
            "figures": list(self.figures),
        }


def measure_loss(
    model: Model, integers: Model, cohort: Cohort, progress: StageProgress | None = None
) -> Loss:
    """Evaluate a model and itself in integers on the validation split.

    Raises:
        InputError: E132 where the split is empty.
    """
    preprocessing = model.preprocessing
    site = read_site(cohort, preprocessing, preprocessing.sources, "validation")
    cases, mask = mask_site_cases(site, preprocessing)
    is_unitless = preprocessing.target_map.spec.method != "window"
    task = replace(site.task, mask=mask, reference=reference_units(preprocessing) if is_unitless else None)
    participants = Participants([ModelTranslator(FLOAT, model), ModelTranslator(INTEGER, integers)])
    evaluation = evaluate_cases(participants, cases, task, metrics=STANDARD, progress=progress)
    figures = _figures(evaluation.rows)
    decibels = next(figure for figure in figures if figure["metric"] == "psnr")
    return Loss(
        len(cases),
        tuple(figures),
        decibels[FLOAT] - decibels[INTEGER],
        _shifts(evaluation) if task.unit == "HU" else {},
    )


def _figures(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the means of each metric under each protocol, in the order of the rows: inside the mask first."""
    values = dict[tuple[str, str, str], dict[str, list[float]]]()
    for row in rows:
        key = (row.metric, row.unit, row.protocol.text())
        values.setdefault(key, {FLOAT: [], INTEGER: []})[row.translator].append(row.value)
    return [
        {
            "metric": metric,
            "unit": unit,
            "protocol": protocol,
            **{name: float(np.mean(of_name)) for name, of_name in by_name.items()},
        }
        for (metric, unit, protocol), by_name in values.items()
    ]


def _shifts(evaluation: Evaluation) -> dict[str, float]:
    """Return the mean over cases of how far the mean of each tissue moved from float32 to integers."""
    means = {(row.translator, row.case, row.region): row.synthetic for row in evaluation.regions if row.n}
    moved = dict[str, list[float]]()
    for (name, case, region), mean in means.items():
        if name == INTEGER and region in LARGEST_SHIFTS_HU:
            moved.setdefault(region, []).append(mean - means[FLOAT, case, region])
    return {region: float(np.mean(values)) for region, values in moved.items()}
