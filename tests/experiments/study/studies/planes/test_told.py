"""Told against not told: a planted gain is found, and none where there is none."""

from __future__ import annotations

from typing import Any

import pytest

from transmodal.experiments.study.studies.planes.figures import PlaneRow
from transmodal.experiments.study.studies.planes.told import draw_changes, take_changes, tell_changes


def row_of(name: str, change: float, *, is_told: bool, translator: str = "unet_regression") -> PlaneRow:
    """Return eight cases whose error along x differs by so much, and elsewhere not."""
    cases: list[dict[str, Any]] = []
    for n in range(8):
        errors = dict.fromkeys(("x", "y", "z", "fused"), 1.0 + 0.1 * n)
        errors["x"] += change * (1 + 0.1 * n)
        cases.append(
            {"patient": f"p{n}", "volumes": {plane: {"mae": error} for plane, error in errors.items()}}
        )
    return PlaneRow(name, "FA", [cases], ("x", "y", "z"), translator, is_told)


@pytest.mark.parametrize(("change", "said"), [(-0.2, "lower for x; not"), (0.2, "greater for x; not")])
def test_a_planted_change_is_told_by_plane(change: float, said: str) -> None:
    changes = take_changes([row_of("blind", 0, is_told=False), row_of("told", change, is_told=True)])
    figures = {figure.group: figure for figure in draw_changes(changes)}
    assert figures["x, sagittal"].value == pytest.approx(1.35 * change)
    assert figures["x, sagittal"].p == pytest.approx(4 * 2 / 2**8)
    assert figures["fused"].value == 0
    assert {figure.row for figure in figures.values()} == {"told against blind"}
    (sentence,) = tell_changes(changes)
    assert said in sentence


def test_rows_of_other_translators_or_without_an_opponent_are_not_held_against_one_another() -> None:
    told = row_of("told", 0, is_told=True)
    assert take_changes([told]) == []
    assert take_changes([told, row_of("pix2pix", 0, is_told=False, translator="pix2pix")]) == []
    (sentence,) = tell_changes(take_changes([told, row_of("blind", 0, is_told=False)]))
    assert sentence.endswith("the error is not shown to differ for x, y, z and fused.")
