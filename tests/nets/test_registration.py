"""The registration network starts at nothing, takes any sides, and learns a shift; warping goes where it is told."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from transmodal.nets.registration import RegistrationNet, warp


def blobs(sides: tuple[int, ...], n: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    coarse = torch.rand(n, 1, *(side // 4 for side in sides), generator=generator)
    return F.interpolate(coarse, sides, mode="bilinear" if len(sides) == 2 else "trilinear")


@pytest.mark.parametrize("sides", [(16, 17), (1, 5), (8, 9, 7)])
def test_it_starts_at_no_displacement(sides: tuple[int, ...]) -> None:
    net = RegistrationNet(1, 4, 3, spatial_dims=len(sides))
    image = torch.rand(2, 1, *sides)
    with torch.autocast("cpu", torch.bfloat16):
        displacement = net(image, image.flip(2))
    assert displacement.dtype == torch.float32
    assert displacement.shape == (2, len(sides), *sides)
    assert float(displacement.detach().abs().max()) == 0
    torch.testing.assert_close(warp(image, displacement), image, rtol=0, atol=1e-5)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_warping_by_whole_voxels_moves_along_that_axis(axis: int) -> None:
    image = blobs((8, 12, 8))
    displacement = torch.zeros(2, 3, 8, 12, 8)
    displacement[:, axis] = 2
    moved = warp(image, displacement)
    side = image.shape[2 + axis]
    inside = moved.narrow(2 + axis, 0, side - 2), image.narrow(2 + axis, 2, side - 2)
    torch.testing.assert_close(*inside, rtol=0, atol=1e-5)
    # Beyond the rim it goes on as at the rim.
    torch.testing.assert_close(
        moved.narrow(2 + axis, side - 1, 1), image.narrow(2 + axis, side - 1, 1), rtol=0, atol=1e-5
    )


def test_labels_stay_labels() -> None:
    labels = (torch.arange(36) % 5).reshape(1, 1, 6, 6)
    moved = warp(labels, torch.full((1, 2, 6, 6), 0.3), "nearest")
    assert set(moved.unique().tolist()) <= set(range(5))


def test_it_learns_a_shift_that_it_can_see() -> None:
    torch.manual_seed(0)
    fixed = blobs((24, 24), 4)
    shift = torch.zeros(4, 2, 24, 24)
    shift[:, 1] = 2
    moving = warp(fixed, -shift)
    net = RegistrationNet(1, 8, 2, spatial_dims=2)
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(60):
        loss = F.l1_loss(warp(moving, net(moving, fixed)), fixed)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        before, after = F.l1_loss(moving, fixed), F.l1_loss(warp(moving, net(moving, fixed)), fixed)
    assert float(after) < 0.5 * float(before)
    displacement = net(moving, fixed).detach()[..., 4:-4, 4:-4].mean(dim=(0, 2, 3))
    assert float(displacement[1]) == pytest.approx(2, abs=0.7)
    assert abs(float(displacement[0])) < 0.5
