"""The brain in a head, stripped or not."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.errors import InputError
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import reorient, resample, working_grid
from transmodal.volumes.regions import brain as brain_module
from transmodal.volumes.regions import masks, template_alignment
from transmodal.volumes.regions.recent_masks import RecentMasks
from virtual_heads import dice, head


@pytest.mark.parametrize("index", [5, 11, 19])
def test_a_brain_is_found_in_its_head(index: int) -> None:
    volume, brain = head(index, "head")
    found = masks.find_region(volume, "brain")
    assert found.method.startswith("head: template")
    assert dice(found.mask, brain) > 0.93


def test_the_quick_way_gives_the_mask_of_the_thorough_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brain_module, "RECENT", RecentMasks(0))
    volume, brain = head(3, "head", 4.0)
    quick = masks.find_region(volume, "brain")
    assert "additive demons" in quick.method
    with monkeypatch.context() as patched:
        patched.setattr(brain_module, "least_jacobian", lambda *_: 0.0)
        unfolded = masks.find_region(volume, "brain")
    assert "additive" not in unfolded.method
    monkeypatch.setattr(template_alignment, "_SURE", 9.0)
    thorough = masks.find_region(volume, "brain")
    assert "additive" not in thorough.method
    for mask in (unfolded.mask, thorough.mask):
        assert dice(quick.mask, mask) > 0.99
    assert dice(quick.mask, brain) > dice(thorough.mask, brain) - 0.002


def test_a_stripped_brain_is_its_foreground() -> None:
    volume, brain = head(4, "stripped")
    found = masks.find_region(volume, "brain")
    assert found.method.startswith("stripped")
    assert dice(found.mask, brain) > 0.99


def test_the_same_head_gives_the_same_brain_however_it_is_stored() -> None:
    volume, brain = head(3, "head")
    reference = masks.find_region(volume, "brain").mask
    turned = reorient(volume, "PIR")
    again = masks.find_region(turned, "brain").mask
    home = resample(Volume(again.astype(np.uint8), turned.affine), volume.grid).voxels > 0
    assert dice(home, reference) > 0.99
    finer = resample(volume, working_grid(volume.grid, (2.2, 2.5, 3.4)))
    fine = masks.find_region(finer, "brain").mask
    back = resample(Volume(fine.astype(np.uint8), finer.affine), volume.grid, how="nearest").voxels > 0
    assert dice(back, reference) > 0.95
    assert dice(back, brain) > 0.93


def test_noise_has_no_brain() -> None:
    noise = np.random.default_rng(0).normal(100, 10, (40, 40, 40)).astype(np.float32)
    with pytest.raises(InputError, match="brain") as refused:
        masks.find_region(Volume(noise, np.diag([4.0, 4.0, 4.0, 1.0])), "brain")
    assert refused.value.code == "E124"
