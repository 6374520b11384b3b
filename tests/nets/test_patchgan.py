"""The patch discriminator of pix2pix: its map of verdicts and what each of them sees."""

from __future__ import annotations

import pytest
import torch

from transmodal.nets.meta import shapes_alone
from transmodal.nets.patchgan import PatchDiscriminator


@pytest.mark.parametrize(("side", "verdicts"), [(64, 6), (128, 14), (256, 30), (512, 62)])
def test_the_map_of_verdicts(side: int, verdicts: int) -> None:
    with shapes_alone():
        judge = PatchDiscriminator(2)
        assert judge(torch.empty(1, 2, side, side)).shape == (1, 1, verdicts, verdicts)


def test_a_patch_has_a_verdict_along_every_axis() -> None:
    judge = PatchDiscriminator(2, width=2, strided=2, spatial_dims=3)
    assert judge(torch.rand(2, 2, 16, 24, 16)).shape == (2, 1, 2, 4, 2)
    with shapes_alone():
        wide = PatchDiscriminator(2, spatial_dims=3)
    assert sum(weights.numel() for weights in wide.parameters()) == 11_052_865


def test_a_verdict_looks_at_70_pixels() -> None:
    judge = PatchDiscriminator(1, width=4, norm="none").double()
    image = torch.zeros(1, 1, 256, 256, dtype=torch.float64, requires_grad=True)
    judge(image)[0, 0, 15, 15].backward()
    assert image.grad is not None
    seen = image.grad[0, 0].abs() > 0
    assert int(seen.any(dim=0).sum()) == int(seen.any(dim=1).sum()) == 70
