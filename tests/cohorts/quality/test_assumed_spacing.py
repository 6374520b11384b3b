"""Cases whose spacing was assumed are not resampled by it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from transmodal.cohorts.quality.assumed_spacing import NOTE, Resampled, check, list_assumed
from transmodal.errors import UsageError
from transmodal.volumes import Grid


def case_of(name: str, spacing: float, **notes: float) -> Any:  # noqa: ANN401  # a fake
    grid = Grid((9, 10, 4), np.diag([spacing, spacing, spacing, 1.0]))
    return SimpleNamespace(id=name, grid=grid, entry=SimpleNamespace(notes=notes))


def test_cases_are_listed_by_their_notes() -> None:
    notes = [("a", {NOTE: 1.0}), ("b", {"registration_mm": 0.5}), ("c", {NOTE: 2.0, "x": 1.0})]
    assert list_assumed(notes) == ["a", "c"]


def test_only_a_grid_that_an_assumed_spacing_changes_is_refused() -> None:
    assumed = case_of("a", 1.0, **{NOTE: 1.0})
    measured = case_of("b", 1.0)
    check([measured, assumed], None, "")
    check([measured, assumed], 1.0, "")
    check([measured], 2.0, "")
    with pytest.raises(UsageError) as refused:
        check([measured, assumed], 2.0, ", or leave data.spacing_mm out")
    assert refused.value.code == "E004"
    assert "9 x 10 x 4 voxels of a would become 4 x 5 x 2, by a spacing of 1 mm" in str(refused.value)
    assert refused.value.remedy.endswith("spacing_mm=WITHIN,BETWEEN, or leave data.spacing_mm out.")


def test_the_line_names_both_grids() -> None:
    line = Resampled("s1", 0.5, (3, 4, 5), (6, 8, 10)).line()
    assert line.startswith(
        "3 x 4 x 5 voxels of s1 would become 6 x 8 x 10, by a spacing of 0.5 mm that was assumed"
    )
