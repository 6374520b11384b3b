from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from transmodal.cohorts.quality.misalignment import measure_misalignment
from transmodal.volumes import Volume

AFFINE = np.array([[-4.2, 0.3, 0, 90], [0.2, 4.0, 0, -95], [0, 0, 4.5, -80], [0, 0, 0, 1.0]])
SHAPE = (43, 47, 37)


def head(seed: int = 0) -> Volume:
    """Ellipsoid of lumps in air, a head's size."""
    i, j, k = np.meshgrid(*(np.linspace(-1.4, 1.4, n) for n in SHAPE), indexing="ij")
    lumps = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=SHAPE), 1.6)
    inside = i**2 + 0.8 * j**2 + 1.1 * k**2 < 1
    return Volume(np.where(inside, 100 + 400 * lumps / lumps.std(), 0).astype(np.float32), AFFINE)


def other_contrast(volume: Volume) -> Volume:
    """Return a contrast that neither rises nor falls with the first."""
    voxels = np.where(volume.voxels != 0, 1000 - np.abs(volume.voxels - 250), -1000)
    return volume.with_voxels(voxels.astype(np.int16))


def rolled(volume: Volume, voxels: tuple[int, int, int]) -> Volume:
    return volume.with_voxels(np.roll(volume.voxels, voxels, (0, 1, 2)))


def test_contrasts_that_lie_right_are_left() -> None:
    found = measure_misalignment(head(), other_contrast(head()))
    assert found is not None
    assert found.off_mm < 1
    assert found.gain < 0.02
    assert found.similarity > 0.3


@pytest.mark.parametrize("by", [(2, 0, 0), (0, -2, 0), (0, 0, 2), (-2, 1, 3), (0, 5, 0)])
def test_a_shift_is_found(by: tuple[int, int, int]) -> None:
    found = measure_misalignment(head(), rolled(other_contrast(head()), by))
    assert found is not None
    expected = float(np.linalg.norm(AFFINE[:3, :3] @ by))
    assert found.off_mm == pytest.approx(expected, abs=1.5)
    assert found.gain > 0.2


def test_a_turn_is_found() -> None:
    turned = ndimage.rotate(head().voxels, 10, axes=(0, 1), reshape=False, order=1)
    found = measure_misalignment(head(), other_contrast(head().with_voxels(turned)))
    assert found is not None
    assert 4 < found.off_mm < 14


def test_other_anatomy_is_less_alike() -> None:
    own, strange = (measure_misalignment(head(), other_contrast(head(seed))) for seed in (0, 1))
    assert own is not None
    assert strange is not None
    assert strange.similarity < 0.6 * own.similarity


def test_the_same_answer_twice_and_inputs_left() -> None:
    volume, other = head(), other_contrast(head())
    before = volume.voxels.copy()
    assert measure_misalignment(volume, other) == measure_misalignment(volume, other)
    assert np.array_equal(volume.voxels, before)


def test_colour_and_single_slices_can_be_judged() -> None:
    grey = head()
    scaled = np.clip(grey.voxels / 4, 0, 255).astype(np.uint8)
    colour = Volume(np.stack([scaled, scaled // 2, 255 - scaled], axis=-1)[:, :, 18:19], AFFINE)
    found = measure_misalignment(Volume(grey.voxels[:, :, 18:19], AFFINE), colour)
    assert found is not None
    assert found.gain < 0.05


def test_nothing_is_said_of_what_has_nothing() -> None:
    flat = head().with_voxels(np.zeros(SHAPE, np.int16))
    assert measure_misalignment(head(), flat) is None
    assert measure_misalignment(flat, head()) is None
    small = Volume(head().voxels, np.diag([0.5, 0.5, 0.5, 1]))
    assert measure_misalignment(small, small) is None
    speck = np.zeros(SHAPE, np.float32)
    speck[20:22, 20:22, 20] = 900
    assert measure_misalignment(head(), head().with_voxels(speck)) is None
