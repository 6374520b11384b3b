"""What modalities can be, and what is clipped to it."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.modalities import modality_of
from transmodal.volumes.bounds import Bounds, Clipped, physical_bounds, reachable_bounds, record
from transmodal.volumes.intensity import IntensityMap, IntensitySpec, fit

VALUES = np.linspace(0, 500, 1000).reshape(10, 10, 10)


def mapped(method: str, low: float = 0.5, high: float = 99.5, add: float = 0.0) -> IntensityMap:
    return fit(IntensitySpec(method, low, high), VALUES + add, range="free")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("modality", "by", "can_be", "can_reach"),
    [
        ("ct", mapped("window", -1024, 3000), (-1024, None), (-1024, 3000)),
        ("ct", mapped("window", -2000, 1000), (-1024, None), (-1024, 1000)),
        ("ct", mapped("window", 0, 255), (-1024, None), (0, 255)),
        ("ct", mapped("percentile", add=-200), (-1024, None), (-1024, None)),
        ("fa", mapped("window", 0, 1), (0, 1), (0, 1)),
        ("fa", mapped("window", 0, 1000), (0, None), (0, 1000)),  # in thousandths
        ("colour", mapped("window", 0, 255), (0, 255), (0, 255)),
        ("colour", mapped("window", 0, 1), (0, 255), (0, 1)),
        ("t1", mapped("percentile"), (0, None), (0, None)),
        ("t1", mapped("minmax"), (0, None), (0, None)),
        ("t1", mapped("percentile", add=-300), (None, None), (None, None)),  # no magnitudes
        ("t1", mapped("zscore"), (None, None), (None, None)),
        ("t2", mapped("window", 0, 255), (0, None), (0, 255)),
        ("phase", mapped("window", -4, 4), (None, None), (-4, 4)),
    ],
)
def test_ranges_of_modalities(
    modality: str,
    by: IntensityMap,
    can_be: tuple[float | None, float | None],
    can_reach: tuple[float | None, float | None],
) -> None:
    own = modality_of(modality).bounds
    assert physical_bounds(own, by) == can_be
    assert reachable_bounds(own, by) == can_reach


def test_clipping_counts_voxels_and_the_largest_excess() -> None:
    voxels = np.array([-1131, -1024, 0, 3000, 3002], np.float32).reshape(5, 1, 1)
    inside, clipped = Bounds(-1024, 3000).clip(voxels)
    assert inside.dtype == np.float32
    np.testing.assert_array_equal(inside.ravel(), [-1024, -1024, 0, 3000, 3000])
    assert clipped == (2, 107)
    assert Bounds(None, 0).clip(voxels)[1] == (2, 3002)
    assert Bounds(0).clip(voxels)[1] == (2, 1131)
    unchanged, nothing = Bounds().clip(voxels)
    assert unchanged is voxels
    assert nothing == Clipped()


def test_a_colour_voxel_counts_once() -> None:
    voxels = np.array([[-3, 256, 300], [0, 255, 9]], np.float32).reshape(2, 1, 1, 3)
    inside, clipped = Bounds(0, 255).clip(voxels)
    assert clipped == (1, 45)
    np.testing.assert_array_equal(inside[0, 0, 0], [0, 255, 255])


def test_records_are_for_json() -> None:
    assert record(Bounds(0), Clipped(2, 0.5)) == {
        "range": [0, None],
        "clipped": {"voxels": 2, "largest_excess": 0.5},
    }
