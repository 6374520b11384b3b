"""Regions of unseen inputs: brains with and without skull, bodies, and what has neither."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.cohorts.simulation.atlas import AtlasOptions, subjects
from transmodal.errors import InputError
from transmodal.volumes import Volume
from transmodal.volumes.regions import brain, masks
from transmodal.volumes.regions.brain import BrainMask
from transmodal.volumes.regions.recent_masks import RecentMasks
from virtual_heads import dice, head


def test_regions_are_deterministic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brain, "RECENT", RecentMasks(0))
    volume, _ = head(7, "head", 4.0)
    one, other = masks.find_region(volume, "brain"), masks.find_region(volume, "brain")
    np.testing.assert_array_equal(one.mask, other.mask)
    assert one.method == other.method


@pytest.mark.parametrize("modality", ["ct", "t2"])
def test_a_body_is_the_head_without_the_air(modality: str) -> None:
    case = subjects(2, AtlasOptions(spacing_mm=4.0, modalities=(modality,)))[1].load()
    found = masks.find_region(case.volumes[modality], "body")
    assert case.segmentation is not None
    assert dice(found.mask, case.segmentation.voxels > 0) > 0.9
    assert found.method.startswith("body")


def test_the_whole_is_everything() -> None:
    volume = Volume(np.zeros((3, 4, 5), np.float32), np.eye(4))
    assert masks.find_region(volume, "whole").mask.all()


@pytest.mark.parametrize("kind", ["brain", "body"])
def test_what_has_no_content_is_refused(kind: str) -> None:
    empty = Volume(np.zeros((20, 20, 20), np.float32), np.diag([5.0, 5.0, 5.0, 1.0]))
    with pytest.raises(InputError) as refused:
        masks.find_region(empty, "brain" if kind == "brain" else "body")
    assert refused.value.code == "E124"


def test_around_the_brain_is_the_brain_and_five_millimetres(monkeypatch: pytest.MonkeyPatch) -> None:
    i, j, k = np.indices((30, 34, 28))
    away = 3 * (np.sqrt((i - 14.0) ** 2 + (j - 16.0) ** 2 + (k - 13.0) ** 2) - 8)  # mm from a ball's edge
    volume = Volume((away < 0).astype(np.float32), np.diag([3.0, 3, 3, 1]))
    monkeypatch.setattr(masks, "find_brain", lambda volume: BrainMask(volume.voxels > 0, "a ball"))
    around = masks.find_region(volume, "around_brain")
    assert around.method == "a ball, grown by 5 mm"
    assert around.mask[away < 2].all()
    assert not around.mask[away > 7].any()
    assert int((masks.find_region(volume, "brain").mask ^ (away < 0)).sum()) == 0
