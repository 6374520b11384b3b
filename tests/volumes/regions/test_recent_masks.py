"""Masks that are asked for again."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.volumes import Volume
from transmodal.volumes.regions import brain, masks
from transmodal.volumes.regions.recent_masks import RecentMasks, content_key
from virtual_heads import head


def volume_of(seed: int) -> tuple[Volume, np.ndarray]:
    voxels = np.random.default_rng(seed).normal(100, 20, (7, 9, 11)).astype(np.float32)
    return Volume(voxels, np.diag([2.0, 2, 2, 1])), voxels > 100


def test_the_key_is_of_the_same_content_alone() -> None:
    volume, _ = volume_of(0)
    assert content_key(Volume(volume.voxels.copy(order="F"), volume.affine.copy())) == content_key(volume)
    changed = volume.voxels.copy()
    changed[3, 4, 5] += 1e-3
    for other in (
        volume.with_voxels(changed),
        volume.with_voxels(volume.voxels.view(np.int32)),
        Volume(volume.voxels.reshape(9, 7, 11), volume.affine),
        Volume(volume.voxels, np.diag([2.0, 2, 2.001, 1])),
    ):
        assert content_key(other) != content_key(volume)


def test_a_mask_comes_back_as_a_copy() -> None:
    recent, (_, mask) = RecentMasks(10_000), volume_of(0)
    assert recent.get("a") is None
    recent.remember("a", mask, "a threshold")
    again = recent.get("a")
    assert again is not None
    np.testing.assert_array_equal(again[0], mask)
    assert again[0].dtype == bool
    assert again[1] == "a threshold"
    again[0][...] = False  # the caller's own
    np.testing.assert_array_equal(recent.get("a")[0], mask)  # type: ignore[index]
    recent.clear()
    assert recent.get("a") is None


def test_the_oldest_goes_first() -> None:
    _, mask = volume_of(0)
    recent = RecentMasks(2 * np.packbits(mask).nbytes)
    recent.remember("first", mask, "1")
    recent.remember("second", mask, "2")
    assert recent.get("first") is not None
    recent.remember("third", mask, "3")
    assert recent.get("second") is None
    assert recent.get("first") is not None
    assert recent.get("third") is not None


def test_another_kind_of_region_searches_no_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    volume, _ = head(4, "stripped", 4.0)
    searches = []
    search = brain._mask_stripped
    monkeypatch.setattr(brain, "_mask_stripped", lambda volume: searches.append(1) or search(volume))
    monkeypatch.setattr(brain, "RECENT", RecentMasks(1 << 20))
    inner, around = (masks.find_region(volume, kind) for kind in ("brain", "around_brain"))
    assert len(searches) == 1
    assert around.mask[inner.mask].all()
    assert around.mask.sum() > inner.mask.sum()
    assert masks.find_region(volume, "brain").method == inner.method
