"""Offsets are compared by their logarithms over subjects; voxels that are not cubic are told of."""

from __future__ import annotations

from typing import Any

import pytest

from transmodal.experiments.study.studies.consistency.flicker import (
    StepRow,
    spacing_note,
    take_flicker,
    write_sentences,
)


def row_of(name: str, factor: float, *, stretch: float = 1.0, axes: tuple[str, ...] = ("z",)) -> StepRow:
    cases: list[dict[str, Any]] = []
    for n in range(8):
        level = 1 + 0.2 * n
        offsets = {"x": 2 * level, "y": 0.5 * level, "z": factor * level * (1 + 0.01 * (n % 3))}
        cases.append(
            {
                "patient": f"p{n}",
                "spacing_mm": {"x": 1.0, "y": 1.0, "z": stretch},
                "steps": {axis: {"offset": value, "target": 1.0} for axis, value in offsets.items()},
            }
        )
    return StepRow(name, "FA", axes, [cases])


def test_a_ratio_is_against_the_geometric_mean_of_the_other_axes() -> None:
    x, y, z = take_flicker([row_of("unet", 4.0)])
    assert z.ratio == pytest.approx(4.0, rel=0.02)
    assert (z.is_off, y.is_off) == (True, False)
    assert x.ratio == pytest.approx(2 / 2**0.5, rel=0.02)
    assert z.p == pytest.approx(3 * 2 / 2**8)
    (sentence,) = write_sentences([row_of("unet", 4.0)], [z])
    assert "off along z (4.0" in sentence


def test_an_axis_without_offsets_is_not_compared() -> None:
    row = row_of("unet", 4.0)
    del row.seeds[0][3]["steps"]["y"]
    assert take_flicker([row]) == []
    (sentence,) = write_sentences([row], [])
    assert "nothing is off" in sentence


def test_long_voxels_are_told_of() -> None:
    assert spacing_note([row_of("unet", 1.0)]) == ""
    assert "up to 3.0 times as long" in spacing_note([row_of("unet", 1.0, stretch=3.0)])
