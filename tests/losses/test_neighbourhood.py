"""MIND: the same for any linear map of intensities, other where structure lies elsewhere, in two and three dimensions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from transmodal.losses.neighbourhood import mind, structure_distance

SIDES = [(20, 17), (9, 8, 10)]
EVERY = torch.ones(1, 1)


def smooth(sides: tuple[int, ...], seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 1, *(side // 3 + 1 for side in sides), generator=generator)
    mode = "bilinear" if len(sides) == 2 else "trilinear"
    return torch.nn.functional.interpolate(coarse, sides, mode=mode)


@pytest.mark.parametrize("sides", SIDES)
def test_the_descriptor_is_that_of_a_plain_loop(sides: tuple[int, ...]) -> None:
    image = smooth(sides)
    plain = image[0, 0].numpy().astype(np.float64)
    offsets = [
        tuple(sign * (a == axis) for a in range(len(sides))) for axis in range(len(sides)) for sign in (-1, 1)
    ]
    padded, inner = np.pad(plain, 3, mode="edge"), tuple(slice(3, 3 + side) for side in sides)

    def patch_distance(place: np.ndarray, offset: tuple[int, ...]) -> float:
        around = tuple(slice(max(p - 1, 0), min(p + 2, side)) for p, side in zip(place, sides, strict=True))
        moved = np.roll(padded, [-n for n in offset], range(len(sides)))[inner]
        return float(((plain - moved) ** 2)[around].mean())

    middle = np.array(sides) // 2
    distances = np.array([patch_distance(middle, offset) for offset in offsets])
    expected = np.exp(-distances / distances.mean())
    got = mind(image)[(0, slice(None), *middle)].numpy()
    np.testing.assert_allclose(got, expected / expected.max(), rtol=1e-4)


@pytest.mark.parametrize("sides", SIDES)
def test_contrast_does_not_matter_and_place_does(sides: tuple[int, ...]) -> None:
    image = smooth(sides)
    assert float(structure_distance(3 - 2 * image, (image,), EVERY)) < 1e-4
    moved = float(structure_distance(torch.roll(image, 2, 2), (image,), EVERY))
    other = float(structure_distance(smooth(sides, 1), (image,), EVERY))
    assert 0.05 < moved < other


def test_noise_on_nothing_is_hardly_structure() -> None:
    image = torch.zeros(1, 1, 24, 24)
    image[..., 8:16, 8:16] = smooth((8, 8))
    noisy = image + 1e-3 * torch.rand(image.shape, generator=torch.Generator().manual_seed(1))
    assert float(structure_distance(noisy, (image,), EVERY)) < 0.02


def test_missing_sources_are_not_compared() -> None:
    image, other = smooth((16, 16)), smooth((16, 16), 1)
    both = torch.cat([image, image])
    sources = (torch.cat([image, image]), torch.cat([other, other]))
    first = structure_distance(both, sources, torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    half = structure_distance(both, sources, torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
    second = structure_distance(both, sources, torch.tensor([[0.0, 1.0], [0.0, 1.0]]))
    assert float(first) < 1e-6
    assert float(half) == pytest.approx(float(second) / 4)


def test_the_gradient_is_finite_on_constants() -> None:
    image = torch.zeros(1, 1, 8, 8, requires_grad=True)
    structure_distance(image, (torch.zeros(1, 1, 8, 8),), EVERY).backward()
    assert image.grad is not None
    assert torch.isfinite(image.grad).all()
