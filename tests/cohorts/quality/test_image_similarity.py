from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from transmodal.cohorts.quality import image_similarity
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import crop, reorient, resample, working_grid

STEP_MM = 4.0


def anatomy(seed: int, shape: tuple[int, int, int] = (30, 34, 28), *, warp: float = 0.0) -> Volume:
    """An ellipsoid of tissue of its own, in air; warped smoothly by up to so many mm where that is asked for."""
    draw = np.random.default_rng(seed)
    texture = ndimage.gaussian_filter(draw.normal(size=shape), 1.2)
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    inside = sum(axis**2 for axis in axes) < 0.8
    voxels = np.where(inside, 500 + 120 * texture / texture.std(), 0)
    if warp:
        bend = np.random.default_rng(seed + 1)
        smooth = np.stack([ndimage.gaussian_filter(bend.normal(size=shape), 5) for _ in range(3)])
        smooth *= warp / STEP_MM / np.abs(smooth).max()
        voxels = ndimage.map_coordinates(voxels, np.indices(shape) + smooth, order=3)
    return Volume(voxels.clip(0).astype(np.int16), np.diag([STEP_MM, STEP_MM, STEP_MM, 1.0]))


def kept(volume: Volume) -> image_similarity.Detail:
    found = image_similarity.detail(volume)
    assert found is not None
    return found


def noisy(volume: Volume) -> Volume:
    noise = np.random.default_rng(5).normal(0, 15, volume.grid.shape)
    return Volume((volume.voxels + noise).astype(np.float32), volume.affine)


def moved(volume: Volume) -> Volume:
    affine = volume.affine.copy()
    affine[:3, 3] += (37.0, -11.5, 4.2)
    return Volume(volume.voxels, affine)


COPIES: dict[str, Callable[[Volume], Volume]] = {
    "itself": lambda volume: volume,
    "reoriented": lambda volume: reorient(volume, "PIL"),
    "cropped": lambda volume: crop(volume, (slice(3, 27), slice(0, 30), slice(4, 28))),
    "respaced": lambda volume: resample(volume, working_grid(volume.grid, (3.1, 4.7, 3.6))),
    "noised": noisy,
    "moved": moved,
    "scaled": lambda volume: Volume((volume.voxels * 0.07 + 3).astype(np.float32), volume.affine),
    "in colour": lambda volume: Volume(
        np.repeat((volume.voxels / 8).clip(0, 255).astype(np.uint8)[..., None], 3, axis=-1), volume.affine
    ),
}


@pytest.mark.parametrize("how", COPIES)
def test_copies_agree_whatever_was_done_to_them(how: str) -> None:
    one, other = kept(anatomy(3)), kept(COPIES[how](anatomy(3)))
    assert (
        image_similarity.spectrum(one) @ image_similarity.spectrum(other)
        >= image_similarity.MIN_SPECTRAL + 0.1
    )
    agreed = image_similarity.agreement(one, other)
    assert agreed.correlation >= image_similarity.MIN_CORRELATION + 0.1
    assert agreed.apart_mm <= image_similarity.MAX_APART_MM / 1.5
    assert agreed.are_copies


def test_the_same_image_agrees_wholly() -> None:
    one = kept(anatomy(3))
    assert image_similarity.spectrum(one) @ image_similarity.spectrum(one) == pytest.approx(1, abs=1e-5)
    assert image_similarity.agreement(one, one) == pytest.approx((1.0, 0.0), abs=1e-5)


def test_two_anatomies_do_not_agree() -> None:
    one, other = kept(anatomy(3)), kept(anatomy(4))
    assert image_similarity.spectrum(one) @ image_similarity.spectrum(other) < image_similarity.MIN_SPECTRAL
    assert not image_similarity.agreement(one, other).are_copies


def test_a_warp_of_one_anatomy_is_another_one() -> None:
    """What looks alike to a correlation is told apart by where its parts lie."""
    agreed = image_similarity.agreement(kept(anatomy(3)), kept(anatomy(3, warp=7)))
    assert agreed.apart_mm > image_similarity.MAX_APART_MM
    assert not agreed.are_copies


def test_images_that_share_little_do_not_agree() -> None:
    whole = anatomy(3)
    left, right = (
        kept(crop(whole, (part, slice(None), slice(None)))) for part in (slice(0, 14), slice(17, 30))
    )
    assert not image_similarity.agreement(left, right).are_copies


@pytest.mark.parametrize(
    "volume",
    [
        Volume(np.arange(60 * 60, dtype=np.int16).reshape(60, 60, 1), np.eye(4)),
        Volume(np.pad(np.ones((2, 2, 2), np.int16), 20), np.diag([4.0, 4, 4, 1])),
        Volume(np.full((20, 20, 20), 7, np.int16), np.diag([4.0, 4, 4, 1])),
    ],
    ids=["one slice", "hardly any content", "constant"],
)
def test_what_is_too_small_to_tell_has_no_likeness(volume: Volume) -> None:
    assert image_similarity.detail(volume) is None


def test_an_image_larger_than_the_torus_is_found_where_it_was_cropped() -> None:
    """A field of view of 320 mm: frequencies are the same, the shift is found modulo 256 mm."""
    large = anatomy(8, (80, 40, 30))
    part = crop(large, (slice(12, 80), slice(2, 40), slice(0, 30)))
    one, other = kept(large), kept(part)
    assert one.shape[0] > 64
    assert image_similarity.spectrum(one) @ image_similarity.spectrum(other) >= image_similarity.MIN_SPECTRAL
    assert image_similarity.agreement(one, other).are_copies


def test_fine_voxels_are_averaged_first() -> None:
    fine = resample(anatomy(3), working_grid(anatomy(3).grid, 1.0))
    agreed = image_similarity.agreement(kept(anatomy(3)), kept(fine))
    assert agreed.correlation > 0.85
    assert agreed.are_copies


@settings(max_examples=15, deadline=None)
@given(shift=st.tuples(*(st.integers(-20, 20),) * 3))
def test_no_shift_changes_a_spectrum(shift: tuple[int, int, int]) -> None:
    one = kept(anatomy(6))
    wide = np.pad(one, 20, constant_values=image_similarity.OUTSIDE)
    there = np.roll(wide, shift, (0, 1, 2))
    assert image_similarity.spectrum(one) @ image_similarity.spectrum(there) == pytest.approx(1, abs=1e-3)
    assert image_similarity.agreement(one, there).correlation == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("mm", [2.0, 8.0, 12.0])
@pytest.mark.parametrize("shape", [(9, 20, 13), (1, 8, 30)])
def test_smoothing_is_that_of_scipy(shape: tuple[int, int, int], mm: float) -> None:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    wanted = ndimage.gaussian_filter(values, mm / STEP_MM, mode="constant")
    np.testing.assert_allclose(image_similarity._smooth(values, mm), wanted, atol=1e-6)
