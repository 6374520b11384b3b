"""Leaving autocast: what a decorated function is given."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from transmodal.precision import NarrowMapsInFloat32, full_precision, in_full_precision


def test_tensors_in_sequences_are_float32_and_labels_stay() -> None:
    @in_full_precision
    def kinds(one: Tensor, many: list[Tensor], labels: Tensor, *, factor: float) -> list[torch.dtype]:
        assert not torch.is_autocast_enabled("cpu")
        assert factor == 2
        return [one.dtype, many[0].dtype, labels.dtype]

    half, labels = torch.rand(2, 1, 5, 3).bfloat16(), torch.zeros(2, 5, 3, dtype=torch.int64)
    with torch.autocast("cpu", torch.bfloat16):
        found = kinds(half, [half], labels, factor=2)
        assert torch.is_autocast_enabled("cpu")
    assert found == [torch.float32, torch.float32, torch.int64]


def test_a_product_inside_the_context_is_float32() -> None:
    x = torch.rand(3, 5)
    with torch.autocast("cpu", torch.bfloat16):
        assert (x @ x.T).dtype == torch.bfloat16
        with full_precision(x):
            assert (x @ x.T).dtype == torch.float32
        with full_precision(x.to("meta")):  # has no autocast, so there is nothing to leave
            assert torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize(
    ("side", "dilation", "kind"),
    [(2, 1, torch.float32), (3, 1, torch.bfloat16), (4, 2, torch.float32), (5, 2, torch.bfloat16)],
)
def test_only_maps_that_are_narrower_than_the_kernel_are_convolved_in_float32(
    side: int, dilation: int, kind: torch.dtype
) -> None:
    convolution = nn.Conv3d(32, 32, 3, padding=dilation, dilation=dilation)
    maps = torch.rand(2, 32, side, 7, 7).bfloat16()
    with torch.autocast("cpu", torch.bfloat16), NarrowMapsInFloat32():
        convolved = convolution(maps)
        named = nn.functional.conv3d(
            maps, weight=convolution.weight, padding=(dilation,) * 3, dilation=(dilation,) * 3
        )
    assert convolved.dtype == named.dtype == kind
    with NarrowMapsInFloat32():  # outside autocast nothing is cast
        assert convolution(maps.double().float()).dtype == torch.float32
    convolved.float().square().mean().backward()
    assert convolution.weight.grad is not None
    assert convolution.weight.grad.isfinite().all()
