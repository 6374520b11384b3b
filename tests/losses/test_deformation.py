"""Roughness: nothing for a translation, the squared slope for a field that grows along an axis."""

from __future__ import annotations

import pytest
import torch

from transmodal.losses.deformation import roughness


@pytest.mark.parametrize("sides", [(5, 7), (4, 5, 6)])
def test_a_translation_is_smooth_and_a_slope_costs_its_square(sides: tuple[int, ...]) -> None:
    even = torch.full((2, len(sides), *sides), 3.0)
    assert float(roughness(even)) == 0
    ramp = torch.arange(sides[0], dtype=torch.float32).reshape(-1, *(1 for _ in sides[1:]))
    sloping = torch.zeros(1, len(sides), *sides)
    sloping[0, 1] = 0.5 * ramp
    # One component of N slopes, along one axis of N.
    assert float(roughness(sloping)) == pytest.approx(0.25 / len(sides) ** 2)


def test_one_voxel_has_no_slope() -> None:
    lone = torch.ones(1, 2, 1, 1, requires_grad=True)
    roughness(lone).backward()
    assert lone.grad is not None
    assert float(lone.grad.abs().sum()) == 0
