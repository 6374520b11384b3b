"""Planted wrong segmentations: each kind by hand, always alike, each case its own way, and nothing by default."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.data.arrays import open_case
from transmodal.data.mislabelled import mislabel
from transmodal.data.stream import Stream
from transmodal.recipes.mislabelling_schema import PlantedMislabelling

KINDS = ("swap", "erode", "dilate", "shift")


def planted(kind: str, step: float, seed: int = 2024) -> PlantedMislabelling:
    return PlantedMislabelling.model_validate({"kind": kind, "step": step, "seed": seed})


@pytest.fixture
def labels() -> NDArray[np.uint8]:
    """Three slabs of labels 1, 2 and 4 along the first axis, one against the other, within empty space."""
    volume = np.zeros((18, 9, 9), np.uint8)
    volume[3:7, 2:7, 2:7], volume[7:11, 2:7, 2:7], volume[11:15, 2:7, 2:7] = 1, 2, 4
    return volume


def test_labels_trade_places_and_none_is_lost(labels: NDArray[np.uint8]) -> None:
    swapped = mislabel(labels, planted("swap", 100), "a")
    assert ((swapped == 0) == (labels == 0)).all()
    pairs = {(int(a), int(b)) for a, b in zip(labels.ravel(), swapped.ravel(), strict=True)} - {(0, 0)}
    assert {before for before, _ in pairs} == {after for _, after in pairs} == {1, 2, 4}
    assert len(pairs) == 3
    assert all(before != after for before, after in pairs)


def test_a_share_of_the_labels_trades_places(labels: NDArray[np.uint8]) -> None:
    pairs = {
        (int(a), int(b))
        for a, b in zip(labels.ravel(), mislabel(labels, planted("swap", 50), "a").ravel(), strict=True)
    }
    assert sorted(before != after for before, after in pairs - {(0, 0)}) == [False, True, True]
    alone = np.where(labels == 1, labels, 0)
    assert (mislabel(alone, planted("swap", 100), "a") == alone).all()


def test_eroded_labels_lose_their_rims(labels: NDArray[np.uint8]) -> None:
    eroded = mislabel(labels, planted("erode", 1), "a")
    expected = np.zeros_like(labels)
    expected[4:6, 3:6, 3:6], expected[8:10, 3:6, 3:6], expected[12:14, 3:6, 3:6] = 1, 2, 4
    np.testing.assert_array_equal(eroded, expected)
    full = np.full((5, 5, 5), 3, np.uint8)
    assert (mislabel(full, planted("erode", 2), "a") == full).all()


def test_dilated_labels_grow_outwards_and_over_one_another(labels: NDArray[np.uint8]) -> None:
    dilated = mislabel(labels, planted("dilate", 1), "a")
    assert dilated[2, 4, 4] == 1
    assert dilated[15, 4, 4] == 4
    assert (dilated[[1, 16], :, :] == 0).all()
    assert dilated[5, 1, 4] == dilated[5, 7, 4] == 1
    assert dilated[5, 1, 1] == 0  # the diagonal is farther than a voxel
    for first, second, border in ((1, 2, 7), (2, 4, 11)):
        assert tuple(dilated[border - 1 : border + 1, 4, 4]) in ((first, first), (second, second))


def test_labels_are_shifted_as_one(labels: NDArray[np.uint8]) -> None:
    shifted = mislabel(labels, planted("shift", 2), "a")
    ways = [
        (i, j, k)
        for i, j, k in np.ndindex(5, 5, 5)
        if (np.roll(labels, (i - 2, j - 2, k - 2), axis=(0, 1, 2)) == shifted).all()
    ]
    assert len(ways) == 1
    assert 1.1 < np.linalg.norm(np.array(ways[0]) - 2) < 2.9


@pytest.mark.parametrize("kind", KINDS)
def test_a_case_is_damaged_alike_whenever_it_is_asked_for(kind: str, labels: NDArray[np.uint8]) -> None:
    once, again = (mislabel(labels, planted(kind, 2), "a") for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert once.dtype == labels.dtype
    assert (once != labels).any()
    if kind != "erode":  # which draws nothing
        others = [mislabel(labels, planted(kind, 2), case) for case in "bcdef"]
        seeds = [mislabel(labels, planted(kind, 2, seed), "a") for seed in range(5)]
        for drawn in (others, seeds):
            assert any((other != once).any() for other in drawn)


def test_the_segmentation_alone_is_damaged(stream: Stream) -> None:
    case = stream.cases[0].case
    plain, damaged = (
        open_case(replace(stream, mislabelling=choice), case) for choice in (None, planted("shift", 2))
    )
    assert plain.segmentation is not None
    expected = mislabel(np.asarray(plain.segmentation), planted("shift", 2), case.id)
    np.testing.assert_array_equal(damaged.segmentation, expected)
    assert (damaged.segmentation != plain.segmentation).any()
    images: list[tuple[Any, Any]] = [*zip(plain.sources, damaged.sources, strict=True)]
    for ours, theirs in (*images, (plain.target, damaged.target), (plain.mask, damaged.mask)):
        np.testing.assert_array_equal(ours, theirs)
