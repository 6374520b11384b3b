"""Translations on other grids: values, padding, and what is said of the field of view."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.inference.dicom.placement import cut_sides, place
from transmodal.inference.translation import Translation
from transmodal.volumes import Grid, Volume
from transmodal.volumes.geometry.planning.grid import planning_grid
from transmodal.volumes.geometry.reorient import reorient


def body(*, reaches_head: bool = True) -> Volume:
    """Return a block of 40 HU in air, to the head and to the feet or not."""
    voxels = np.full((12, 10, 8), -1000, np.int16)
    voxels[3:9, 3:7, (0 if reaches_head else 1) : (8 if reaches_head else 7)] = 40
    return Volume(voxels, np.diag([-2.0, -2.0, 3.0, 1.0]))


def translation(volume: Volume, target: str = "ct") -> Translation:
    return Translation(volume, None, {"target": target, "notes": ["first"], "output_grid": {}})


def test_the_field_of_view_is_told_and_padding_is_nothing() -> None:
    grid = Grid((20, 20, 8), np.array([[-2.0, 0, 0, 8], [0, -2.0, 0, 10], [0, 0, 3.0, 0], [0, 0, 0, 1]]))
    placed = place(translation(body()), grid)
    assert placed.volume.grid == grid
    assert placed.volume.voxels.dtype == np.int16
    assert (placed.volume.voxels == -1024).mean() == pytest.approx(1 - 12 * 10 / 400)
    assert (placed.volume.voxels == 40).sum() == (body().voxels == 40).sum()
    view = placed.record["field_of_view"]
    assert view == {"extent_mm": [40.0, 40.0, 24.0], "covered": 0.3, "body_cut_off": ["feet", "head"]}
    assert placed.record["output_grid"]["shape"] == [20, 20, 8]
    assert placed.record["notes"] == [
        "first",
        "resampled from the source's grid onto 20 x 20 x 8 voxels of 2 x 2 x 3 mm",
        "70.0% of the grid lie outside the source's field of view: -1024 there",
        "the body is cut off by the field of view: feet, head",
    ]


def test_what_is_covered_whole_and_uncut_is_not_said_to_be_less() -> None:
    placed = place(translation(body(reaches_head=False)), planning_grid(body().grid))
    np.testing.assert_array_equal(placed.volume.voxels, body(reaches_head=False).voxels)
    assert placed.record["field_of_view"]["body_cut_off"] == []
    assert len(placed.record["notes"]) == 2


@pytest.mark.parametrize("code", ["RAS", "PSR", "LIP"])
def test_sides_are_those_of_the_body_however_the_volume_lies(code: str) -> None:
    volume = body(reaches_head=False)
    volume.voxels[:6, 3:7, 3] = 40  # the first axis runs to the left: the body reaches the right side
    assert cut_sides(reorient(volume, code)) == ["right"]


def test_other_units_have_a_nothing_of_their_own_and_no_body() -> None:
    volume = Volume(np.full((4, 4, 4), 0.5, np.float32), np.eye(4))
    placed = place(translation(volume, "fa"), planning_grid(volume.grid, (0.5, 0.5, 0.5)))
    assert placed.volume.voxels.dtype == np.float32
    assert "body_cut_off" not in placed.record["field_of_view"]
