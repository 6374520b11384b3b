"""What must hold for every metric of the table, and for the figures beside it, whatever the images."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from transmodal.metrics import challenge
from transmodal.metrics.regions import paths, tissue
from transmodal.metrics.suite import colour, fsim, ms_ssim, stsim
from transmodal.metrics.suite.voxels import mae, mse, nmse

Image = NDArray[np.float64]
Mask = NDArray[np.bool_]
Metric = Callable[[Image, Image, Mask | None], float]
FEW = settings(max_examples=15, deadline=None)
SEEDS = st.integers(0, 2**31)
SIDES = st.integers(48, 57)

HIGHER: dict[str, Metric] = {
    "ms_ssim": lambda x, y, m: ms_ssim.ms_ssim(x, y, data_range=1, mask=m),
    "stsim1": lambda x, y, m: stsim.stsim1(x, y, data_range=1, mask=m),
    "stsim2": lambda x, y, m: stsim.stsim2(x, y, data_range=1, mask=m),
    "fsim": lambda x, y, m: fsim.fsim(x, y, data_range=1, mask=m),
    "fsim_colour": lambda x, y, m: fsim.fsim_colour(_tinted(x), _tinted(y), white=1, mask=m),
}
LOWER: dict[str, Metric] = {
    "mae": lambda x, y, m: mae(x, y, mask=m),
    "mse": lambda x, y, m: mse(x, y, mask=m),
    "nmse": lambda x, y, m: nmse(x, y, mask=m),
    "ciede2000": lambda x, y, m: colour.ciede2000(_tinted(x), _tinted(y), white=1, mask=m),
}
ALL = {**HIGHER, **LOWER}


def _tinted(x: Image) -> Image:
    """Give an image a colour that depends on its values."""
    return np.stack([x, 0.7 * x + 0.1, 0.3 + 0.4 * x**2], axis=-1)


def _image(seed: int, *shape: int) -> Image:
    """Draw an image with edges, a texture and a smooth part, from 0.2 to 0.8."""
    rng = np.random.default_rng(seed)
    places = np.indices(shape)
    waves = np.sin(sum(rng.uniform(-1, 1) * place for place in places) + rng.uniform(0, 6))
    blob = sum((p - rng.uniform(0.3, 0.7) * n) ** 2 for p, n in zip(places, shape, strict=True)) < 200
    image: Image = np.clip(0.5 + 0.1 * waves + 0.15 * blob + 0.02 * rng.normal(size=shape), 0.2, 0.8)
    return image


def _region(seed: int, *shape: int) -> Mask:
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, bool)
    mask[tuple(slice(int(rng.integers(0, n // 4)), int(rng.integers(3 * n // 4, n))) for n in shape)] = True
    return mask


@pytest.mark.parametrize("name", ALL)
@FEW
@given(SEEDS, SIDES, SIDES, st.booleans())
def test_identity_is_best_and_noise_is_worse_the_more_of_it(
    name: str, seed: int, height: int, width: int, masked: bool
) -> None:
    x = _image(seed, height, width)
    mask = _region(seed, height, width) if masked else None
    noise = np.random.default_rng(seed + 1).normal(size=x.shape)
    values = [ALL[name](x, x + sigma * noise, mask) for sigma in (0, 0.03, 0.12, 0.5)]
    if name in LOWER:
        assert values[0] == 0
        assert values == sorted(values)
    else:
        assert math.isclose(values[0], 1, abs_tol=1e-9)
        assert values == sorted(values, reverse=True)
    assert len(set(values)) == 4


@pytest.mark.parametrize("name", ALL)
@FEW
@given(SEEDS, SIDES, SIDES, st.floats(-5, 5), st.floats(-5, 5))
def test_what_is_outside_the_mask_does_not_matter(
    name: str, seed: int, height: int, width: int, one: float, other: float
) -> None:
    x, y = _image(seed, height, width), _image(seed + 1, height, width)
    mask = _region(seed, height, width)
    moved = ALL[name](np.where(mask, x, one), np.where(mask, y, other), mask)
    assert math.isclose(ALL[name](x, y, mask), moved, abs_tol=1e-9)


@pytest.mark.parametrize("name", HIGHER)
@FEW
@given(SEEDS, SEEDS, SIDES)
def test_similarities_lie_between_nothing_and_one_and_are_symmetric(
    name: str, seed: int, other: int, side: int
) -> None:
    x, y = _image(seed, side, side), _image(other, side, side)
    value = HIGHER[name](x, y, None)
    assert 0 <= value <= 1 + 1e-9
    assert math.isclose(value, HIGHER[name](y, x, None), abs_tol=1e-9)


@pytest.mark.parametrize("figures", [challenge.synthrad2023, challenge.synthrad2025])
@settings(max_examples=4, deadline=None)
@given(SEEDS, st.integers(20, 26))
def test_the_challenges_figures_hold_the_same(
    figures: Callable[[Image, Image, Mask], tuple[float, float, float]], seed: int, side: int
) -> None:
    ct, mask = 3000 * _image(seed, side, 22, 24) - 1500, _region(seed, side, 22, 24)
    noise = np.random.default_rng(seed).normal(size=ct.shape)
    best, good, bad = (figures(ct, ct + sigma * noise, mask) for sigma in (0, 50, 400))
    assert best[0] == 0
    assert best[0] < good[0] < bad[0]
    assert best[1] > good[1] > bad[1]
    assert math.isclose(best[2], 1, abs_tol=1e-9)
    assert best[2] > good[2] > bad[2]
    moved = figures(np.where(mask, ct, 9e3), np.where(mask, ct + 50 * noise, -9e3), mask)
    assert moved == good


@FEW
@given(SEEDS, st.integers(1, 12))
def test_regions_split_the_mean(seed: int, parts: int) -> None:
    x, y = _image(seed, 9, 10, 7), _image(seed + 1, 9, 10, 7)
    mask = _region(seed, 9, 10, 7)
    hu = 4000 * x - 2000
    for figures, a, b in (
        (tissue.by_decile(x, y, mask=mask, parts=parts), x, y),
        (tissue.by_tissue(hu, 2 * hu, mask=mask), hu, 2 * hu),
    ):
        filled = [one for one in figures if one.n]
        assert sum(one.n for one in filled) == mask.sum()
        total = sum(one.n * one.mae for one in filled) / mask.sum()
        assert math.isclose(total, mae(a, b, mask=mask), rel_tol=1e-9)


@FEW
@given(SEEDS, st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: math.hypot(*v) > 0.1))
def test_range_error_changes_its_sign_with_the_roles(
    seed: int, direction: tuple[float, float, float]
) -> None:
    x, y = (3000 * _image(seed + k, 9, 8, 7) - 1500 for k in (0, 1))
    body = _region(seed, 9, 8, 7)
    curve = paths.StoppingPowerCurve((-1000, 0, 1500), (0, 1, 1.8))
    one, other = (
        paths.range_error(a, b, curve, spacing_mm=(1, 1.2, 2), direction=direction, body=body)
        for a, b in ((x, y), (y, x))
    )
    assert math.isclose(one.mean_mm, -other.mean_mm, abs_tol=1e-9)
    assert math.isclose(one.mean_absolute_mm, other.mean_absolute_mm, abs_tol=1e-9)
    assert abs(one.mean_mm) <= one.mean_absolute_mm + 1e-9
