"""Leaving autocast: what a decorated function is given."""

from __future__ import annotations

import torch
from torch import Tensor

from transmodal.precision import full_precision, in_full_precision


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
