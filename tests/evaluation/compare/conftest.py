"""Evaluations of made-up figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.task import EvaluationTask
from transmodal.metrics.protocol import Protocol
from transmodal.metrics.table import Row
from transmodal.storage import files

SUBJECT = EvaluationTask(
    ("t1",), "ct", 4024.0, "mine", "d" * 64, "test", 3, training_patients=("learned-0", "learned-1")
)


MAE = Protocol("mask", 3, "HU")


PSNR = Protocol("mask", 3, "HU", 4024.0)


GOOD = [60.0, 55.5, 71.2, 64.3, 58.8, 66.1, 62.9, 69.4]


BAD = [value + step for value, step in zip(GOOD, [8.5, 4.1, 9.9, 7.2, -1.3, 6.6, 5.4, 3.0], strict=True)]


def _record(seed: int = 1, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # what records hold
    known = {
        "recipe": "mr-to-ct",
        "translator": "unet",
        "without": [],
        "cohort": {"name": "mine", "digest": "d" * 64},
        "best": {"metric": "mae", "value": 1.0},
        "seed": seed,
        "recipe_sha256": "a" * 64,
        "parameters": 4_864_961,
        "device": "cpu",
    }
    return {**known, **more}


class Maker:
    """Writes evaluations of made-up figures."""

    good = GOOD
    bad = BAD
    task = SUBJECT
    mae = MAE
    psnr = PSNR
    record = staticmethod(_record)

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(
        self,
        name: str,
        figures: dict[str, Sequence[float]],
        records: dict[str, dict[str, Any]],
        task: EvaluationTask = SUBJECT,
        protocol: Protocol = MAE,
        oracles: Sequence[str] = (),
    ) -> Path:
        rows = [row for who, values in figures.items() for row in _rows(who, values, protocol)]
        models = tuple(who for who in figures if who not in oracles)
        records = {who: {"weights_sha256": f"{name} {who}", **record} for who, record in records.items()}
        seconds = {who: {f"case-{n}": 0.5 + n for n in range(len(values))} for who, values in figures.items()}
        evaluation = Evaluation(task, models, tuple(oracles), tuple(rows), records=records, seconds=seconds)
        place = self.folder / name / "evaluation"
        place.mkdir(parents=True)
        files.write_json(place / "evaluation.json", evaluation.to_json())
        files.write_json(place / "timing.json", evaluation.timing())
        return self.folder / name

    def pair(self) -> list[Path]:
        """Two runs of different recipes, the first beside an oracle."""
        return [
            self("good", {"unet": GOOD, "mean_target": [90.0 + n for n in range(8)]}, {"unet": _record()}, oracles=("mean_target",)),
            self("bad", {"pix2pix": BAD}, {"pix2pix": _record(translator="pix2pix", recipe_sha256="b" * 64, parameters=57_000)}),
        ]  # fmt: skip


def _rows(who: str, values: Sequence[float], protocol: Protocol) -> list[Row]:
    rows = []
    for n, value in enumerate(values):
        rows.append(Row(f"case-{n}", f"patient-{n}", who, "mae", value, "HU", protocol))
        rows.append(
            Row(f"case-{n}", f"patient-{n}", who, "psnr", 90 - value if value else math.inf, "dB", PSNR)
        )
    return rows


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    return Maker(tmp_path)
