"""Figures by form, of contents that are written down."""

from __future__ import annotations

from typing import Any

import pytest

from transmodal.experiments.study.studies.dimensions.figures import (
    CHANGES,
    COSTS,
    ERRORS,
    MEMORY,
    TIME,
    WORK,
    DimensionRow,
    change_figures,
    take_changes,
    take_costs,
    take_errors,
)
from transmodal.experiments.study.studies.dimensions.forms import AXIAL, FUSED, SOLID


def case(number: int, **errors: float) -> dict[str, Any]:
    forms = {
        form: {
            "mae": mae,
            "psnr": None,
            "ssim": 0.5,
            "steps": 2 * mae,
            "seconds": 1.5,
            "processor seconds": 1.2,
            "bytes": 2e6,
        }
        for form, mae in errors.items()
    }
    return {"case": f"c{number}", "patient": f"p{number}", "unit": "FA", "forms": forms}


@pytest.fixture
def row() -> DimensionRow:
    flat = [case(n, **{AXIAL: 0.2 + 0.01 * n, FUSED: 0.1 + 0.01 * n}) for n in range(8)]
    solid = [[case(n, **{SOLID: 0.3 + 0.01 * n + 0.002 * seed}) for n in range(8)] for seed in (0, 1)]
    return DimensionRow("unet", "FA", [flat], solid, {AXIAL: 1_000_000, FUSED: 1_000_000, SOLID: 3_000_000})


def test_values_are_by_seed_and_patient(row: DimensionRow) -> None:
    flat, solid = row.values(AXIAL, "mae"), row.values(SOLID, "mae")
    assert flat is not None
    assert solid is not None
    assert (flat.shape, solid.shape) == ((1, 8), (2, 8))
    assert row.values(AXIAL, "psnr") is None


def test_errors_have_intervals_or_the_reason_for_none(row: DimensionRow) -> None:
    figures = {(f.group, f.figure): f for f in take_errors([row])}
    assert figures[SOLID, "MAE"].value == pytest.approx(0.336)
    assert figures[AXIAL, "MAE"].interval is not None
    assert figures[AXIAL, "PSNR, dB"].note.startswith("a volume that equals")
    assert figures[FUSED, "steps between slices"].note == "FA per mm"
    assert {f.table for f in figures.values()} == {ERRORS}


def test_changes_are_first_less_second_and_corrected_together(row: DimensionRow) -> None:
    changes = take_changes([row])
    means = {(c.first, c.second): c.difference.mean for c in changes if c.metric == "mae"}
    assert means == pytest.approx({(FUSED, AXIAL): -0.1, (SOLID, AXIAL): 0.101, (SOLID, FUSED): 0.201})
    assert all(c.p == pytest.approx(6 * (c.difference.p or 0)) for c in changes)
    figures = change_figures(changes, {"unet": "FA"})
    assert {(f.table, f.n) for f in figures} == {(CHANGES, 8)}
    assert len({(f.group, f.figure) for f in figures}) == 6


def test_costs_are_in_their_units(row: DimensionRow) -> None:
    figures = {(f.group, f.figure): f.value for f in take_costs([row])}
    assert figures[SOLID, "parameters, M"] == 3
    assert figures[FUSED, TIME] == 1.5
    assert figures[FUSED, WORK] == 1.2
    assert figures[AXIAL, MEMORY] == 2
    assert {f.table for f in take_costs([row])} == {COSTS}
