"""Features in eight bits: a small error, once; then the bytes give back every bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from transmodal.data.eight_bits import pack, round_features, unpack
from transmodal.errors import InputError


def features(scale: float) -> torch.Tensor:
    draw = torch.Generator().manual_seed(3)
    drawn = torch.randn(2, 5, 4, 6, generator=draw) * scale
    drawn[0, 1] = 0
    drawn[1, 2] *= 1e-3
    return drawn


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1.0, 126.6, 3e4])
def test_what_is_rounded_comes_back_bit_by_bit(scale: float) -> None:
    rounded = round_features(features(scale))
    assert torch.equal(round_features(rounded), rounded)
    assert torch.equal(rounded.half().float(), rounded)
    packed = pack(rounded)
    assert packed.dtype == np.int8
    assert packed.shape == (2, 5, 5, 6)
    assert all(
        np.array_equal(unpack(window), own.numpy()) for window, own in zip(packed, rounded, strict=True)
    )


@pytest.mark.parametrize("scale", [1e-3, 1.0, 126.6])
def test_the_error_is_a_127th_of_the_channels_greatest_at_most(scale: float) -> None:
    exact = features(scale)
    apart = (round_features(exact) - exact).abs().amax(dim=(2, 3))
    assert (apart <= (exact.abs().amax(dim=(2, 3)) / 127).clamp(min=2**-25)).all()
    assert apart.max() > 0


def test_the_greatest_at_the_edge_of_a_power_stays_within_the_bytes() -> None:
    for greatest in (127.0, 127.4, 127.6, 128.0, 63.5, 64.0):
        exact = torch.tensor([[[[greatest, -greatest]]]])
        rounded = round_features(exact)
        assert unpack(pack(rounded)[0]).tolist() == rounded[0].tolist()
        assert abs(rounded[0, 0, 0, 0].item() - greatest) <= greatest / 127


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_features_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(InputError, match="not finite") as refused:
        round_features(torch.full((1, 1, 2, 2), value))
    assert refused.value.code == "E120"
