"""Moves: how far they go, that they come back, and that what leaves the field of view is known."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.volumes import Volume
from transmodal.volumes.geometry.moves import MoveField, kinds, warp

SHAPE = (24, 22, 20)
SPACING = (1.0, 2.0, 1.5)


def volume() -> Volume:
    i, j, k = np.indices(SHAPE)
    voxels = 100 + 20 * np.sin(0.4 * i) * np.cos(0.5 * j) + 10 * np.sin(0.3 * k)
    return Volume(voxels.astype(np.float32), np.diag([*SPACING, 1.0]))


def field(name: str, step: float) -> MoveField:
    kind = next(kind for kind in kinds() if kind.name == name)
    return kind.make(step, volume().grid, np.random.default_rng(3))


def test_a_translation_goes_as_far_as_its_step() -> None:
    outward = field("translation", 5).outward
    assert np.linalg.norm(outward, axis=0) == pytest.approx(np.full(SHAPE, 5.0))


def test_a_rotation_keeps_distances_in_millimetres() -> None:
    ends = np.indices(SHAPE) + field("rotation", 15).outward
    mm = np.array(SPACING)
    first, second = ends[:, 2, 3, 4], ends[:, 20, 18, 15]
    assert np.linalg.norm((first - second) * mm) == pytest.approx(np.linalg.norm(np.array([18, 15, 11]) * mm))
    middle = (np.array(SHAPE) - 1) / 2
    angles = ends[:, 2, 3, 4] - middle, np.array([2, 3, 4]) - middle
    assert np.linalg.norm(angles[0] * mm) == pytest.approx(np.linalg.norm(angles[1] * mm))
    assert np.abs(field("rotation", 15).outward).max() > 1


def test_a_scale_keeps_the_direction_from_the_middle() -> None:
    ends = np.indices(SHAPE) + field("scale", 10).outward
    span = (ends[0, 23, 0, 0] - ends[0, 0, 0, 0]) / 23
    assert span == pytest.approx(1.1) or span == pytest.approx(1 / 1.1)


def test_a_bent_field_is_as_long_as_its_step_and_differs_from_place_to_place() -> None:
    lengths = np.linalg.norm(field("non-rigid", 2).outward, axis=0)
    assert lengths.max() == pytest.approx(2)
    assert lengths.min() < 1.5


@pytest.mark.parametrize("kind", [kind.name for kind in kinds()])
def test_what_was_moved_comes_back(kind: str) -> None:
    ways = field(kind, 2)
    moved = warp(volume(), ways.outward)
    back = warp(moved, ways.back)
    inner = np.zeros(SHAPE, bool)
    inner[5:-5, 5:-5, 5:-5] = True
    inner &= ways.returns
    assert inner.sum() > 500
    error, change = (np.abs(image.voxels - volume().voxels)[inner].mean() for image in (back, moved))
    assert change > 0.3
    assert error < 0.05 * change


def test_voxels_that_leave_the_field_of_view_do_not_return() -> None:
    ways = field("translation", 15)
    assert 0 < ways.returns.mean() < 0.7
    assert field("translation", 0.001).returns.mean() > 0.7


def test_a_step_changes_how_far_and_not_whereto() -> None:
    assert field("non-rigid", 4).outward == pytest.approx(2 * field("non-rigid", 2).outward)


def test_colour_is_warped_by_channel() -> None:
    grey = volume()
    colour = grey.with_voxels(np.stack([grey.voxels, grey.voxels, grey.voxels], axis=-1).astype(np.uint8))
    way = field("translation", 1).outward
    warped = warp(colour, way)
    assert warped.voxels.shape == (*SHAPE, 3)
    assert warped.voxels[..., 1] == pytest.approx(
        warp(grey.with_voxels(grey.voxels.astype(np.uint8)), way).voxels
    )
