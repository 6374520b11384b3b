"""The bench: runs of one row stand together."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from transmodal.experiments.study.bench import Bench, CohortFiles, Entrant
from transmodal.experiments.study.units import WorkUnits


def entrant(row: str, seed: int) -> Entrant:
    recipe = cast("Any", SimpleNamespace(training=SimpleNamespace(seed=seed)))
    return Entrant(row, Path(f"{row}-{seed}"), recipe, "0" * 64)


def test_rows_hold_their_seeds(tmp_path: Path) -> None:
    runs = (entrant("unet", 1), entrant("gan", 1), entrant("unet", 2))
    cohort = cast("Any", None)
    bench = Bench(
        cohort, tmp_path, runs, (), (), (1,), "test", CohortFiles(), None, None, WorkUnits(tmp_path)
    )
    assert {row: [own.seed for own in entrants] for row, entrants in bench.rows().items()} == {
        "unet": [1, 2],
        "gan": [1],
    }
    assert runs[2].label == "unet, seed 2"
