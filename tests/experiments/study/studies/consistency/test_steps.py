"""Steps along an axis are differences of neighbours that both lie in the mask."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.experiments.study.studies.consistency.steps import grey, take_steps, voxel_axis
from transmodal.volumes import Volume

TARGET = np.random.default_rng(1).normal(size=(8, 9, 10))
WHOLE = np.ones(TARGET.shape, bool)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_with_offsets_of_their_own_step_along_their_axis_alone(axis: int) -> None:
    offsets = np.array([0.0, 3.0] * 5)[: TARGET.shape[axis]]
    shape = [1, 1, 1]
    shape[axis] = len(offsets)
    synthetic = TARGET + offsets.reshape(shape)
    for other in range(3):
        steps = take_steps(TARGET, synthetic, WHOLE, other)
        assert steps is not None
        assert steps.offset == pytest.approx(3.0 if other == axis else 0.0)
        assert steps.error == pytest.approx(3.0 if other == axis else 0.0)
        assert steps.target == pytest.approx(np.abs(np.diff(TARGET, axis=other)).mean())
        assert steps.pairs == TARGET.shape[other] - 1


def test_voxels_outside_the_mask_do_not_count() -> None:
    mask = WHOLE.copy()
    mask[:, :, 7:] = False
    mask[2:, 4:, :] = False
    shouted = np.where(mask, TARGET, 1e6)
    steps = take_steps(TARGET, shouted, mask, 2)
    assert steps is not None
    assert (steps.offset, steps.error, steps.pairs) == (0, 0, 6)


def test_slices_that_share_too_little_have_no_steps() -> None:
    mask = np.zeros(TARGET.shape, bool)
    mask[:4, :4, :] = True
    assert take_steps(TARGET, TARGET, mask, 2) is None
    assert take_steps(TARGET, TARGET, mask, 0) is not None


def test_axes_are_the_patients_and_colour_is_one_channel() -> None:
    affine = np.array([[0, 0, 3.0, 0], [1.0, 0, 0, 0], [0, 2.0, 0, 0], [0, 0, 0, 1]])
    volume = Volume(np.zeros((4, 5, 6, 3), np.uint8), affine)
    assert [voxel_axis(volume, axis) for axis in "xyz"] == [2, 0, 1]
    assert grey(volume).shape == (4, 5, 6)
