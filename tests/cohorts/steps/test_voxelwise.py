"""Steps on values: clipping in the voxels' own type, values outside a mask, other numbers for labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from transmodal.cohorts.case import Case
from transmodal.cohorts.steps.voxelwise import Clip, Outside, Relabel
from transmodal.errors import InputError
from transmodal.volumes import Volume

EYE = np.eye(4)
HU = np.array([-2000, -1024, 0, 3000, 4000], np.int16).reshape(5, 1, 1)


def case_of(voxels: np.ndarray, **parts: Volume) -> Case:  # type: ignore[type-arg]
    return Case("c", "p", {"ct": Volume(voxels, EYE)}, parts.get("mask"), parts.get("segmentation"))


def test_clipping_keeps_the_type_and_ends_that_it_cannot_hold() -> None:
    clip = Clip(("ct", "mr"), -1024, 3071)
    assert clip(case_of(HU)).volumes["ct"].voxels.ravel().tolist() == [-1024, -1024, 0, 3000, 3071]
    levels = clip(case_of(np.array([0, 255], np.uint8).reshape(2, 1, 1))).volumes["ct"].voxels
    assert levels.dtype == np.uint8
    assert levels.ravel().tolist() == [0, 255]
    assert clip.moved == frozenset()
    assert clip.waits == ""


def test_values_outside_the_mask_are_set_where_the_case_has_the_modality() -> None:
    mask = Volume(np.array([0, 1, 1, 2, 0], np.uint8).reshape(5, 1, 1), EYE)
    air = Outside((("ct", -1024.0), ("mr", 0.0)))
    assert air(case_of(HU, mask=mask)).volumes["ct"].voxels.ravel().tolist() == [-1024, -1024, 0, 3000, -1024]
    with pytest.raises(InputError, match="no mask") as refused:
        air(case_of(HU))
    assert refused.value.code == "E131"
    with pytest.raises(InputError, match="two grids") as refused:
        air(case_of(HU, mask=Volume(mask.voxels, np.diag([2.0, 1, 1, 1]))))
    assert refused.value.code == "E130"


def test_labels_get_other_numbers_and_strange_ones_are_refused() -> None:
    relabel = Relabel(((1, 1), (2, 2), (4, 3)), "BraTS 2020")
    labels = Volume(np.array([0, 4, 2, 1, 4], np.int16).reshape(5, 1, 1), EYE)
    case = case_of(HU, segmentation=labels)
    done = relabel(case).segmentation
    assert done is not None
    assert done.voxels.dtype == np.uint8
    assert done.voxels.ravel().tolist() == [0, 3, 2, 1, 3]
    strange = replace(case, segmentation=labels.with_voxels(labels.voxels + np.int16(3)))
    with pytest.raises(InputError, match="the label 3") as refused:
        relabel(strange)
    assert refused.value.code == "E103"
    assert "0, 1, 2, 4, as in BraTS 2020" in refused.value.expected
    bare = case_of(HU)
    assert relabel(bare) is bare
