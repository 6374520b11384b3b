"""A simulated diffusion series has the FA that it was made from."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.cohorts.simulation.diffusion import series
from transmodal.volumes import Volume
from transmodal.volumes.diffusion import fractional_anisotropy

SHAPE = (7, 6, 5)


def b0(sign: float = 1.0) -> Volume:
    contrast = np.random.default_rng(0).random(SHAPE) * 500 + 500
    return Volume(contrast.astype(np.float32), np.diag([sign * 2.0, 2.0, 2.0, 1.0]))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_fit_gives_the_fa_back(sign: float) -> None:
    wanted = np.linspace(0, 0.95, np.prod(SHAPE)).reshape(SHAPE)
    source = b0(sign)
    voxels, b, vectors = series(source.with_voxels(wanted), source)
    x, y, z = vectors[b > 0].T
    design = np.stack([x * x, y * y, z * z, 2 * x * y, 2 * x * z, 2 * y * z], axis=1)
    decay = -np.log(voxels[..., b > 0] / voxels[..., :1]).reshape(-1, int((b > 0).sum())) / 1000
    d = np.linalg.lstsq(design, decay.T, rcond=None)[0]
    tensors = np.stack([d[0], d[3], d[4], d[3], d[1], d[5], d[4], d[5], d[2]], axis=1).reshape(-1, 3, 3)
    fa = fractional_anisotropy(np.linalg.eigvalsh(tensors))
    np.testing.assert_allclose(fa.reshape(SHAPE), wanted, atol=2e-3)


def test_images_without_weighting_are_the_contrast_itself() -> None:
    voxels, b, vectors = series(b0().with_voxels(np.full(SHAPE, 0.4)), b0())
    assert (b == 0).sum() == 2
    assert not vectors[b == 0].any()
    np.testing.assert_array_equal(voxels[..., 0], b0().voxels)
    np.testing.assert_allclose(np.linalg.norm(vectors[b > 0], axis=1), 1)
    assert voxels.dtype == np.float32


def test_water_without_direction_decays_alike_along_all() -> None:
    voxels, b, _ = series(b0().with_voxels(np.zeros(SHAPE)), b0())
    shares = voxels[..., b > 0] / voxels[..., :1]
    np.testing.assert_allclose(shares, np.exp(-0.8), rtol=1e-5)
