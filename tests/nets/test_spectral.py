"""Spectral normalisation without memory, against the singular values themselves."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from transmodal.nets import spectral as room
from transmodal.nets.spectral import (
    STEPS,
    SelfAttention,
    SpectralConv2d,
    SpectralDiscriminator,
    largest_singular_value,
    spectral,
)


@pytest.mark.parametrize("shape", [(7, 30), (30, 7), (1, 12), (12, 1), (16, 16)])
def test_the_value_is_the_largest_from_below(shape: tuple[int, int]) -> None:
    matrix = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    exact = float(torch.linalg.matrix_norm(matrix, 2))
    few, many = (float(largest_singular_value(matrix, steps)) for steps in (2, 500))
    assert few <= exact * (1 + 1e-5)
    assert many == pytest.approx(exact, rel=1e-4)
    assert float(largest_singular_value(matrix)) == pytest.approx(exact, rel=0.05)


def test_kernels_whose_values_repeat_are_found_too() -> None:
    matrix = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    repeated = torch.cat([matrix, -matrix], dim=1).repeat_interleave(4, dim=0)
    exact = float(torch.linalg.matrix_norm(repeated, 2))
    assert float(largest_singular_value(repeated, 100)) == pytest.approx(exact, rel=1e-3)


def test_the_gradient_is_that_of_the_largest_value() -> None:
    matrix = torch.randn(5, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float32)
    matrix.requires_grad_()
    torch.autograd.backward(largest_singular_value(matrix, 300))
    u, _, v = torch.linalg.svd(matrix.detach(), full_matrices=False)
    torch.testing.assert_close(matrix.grad, torch.outer(u[:, 0], v[0]), atol=1e-3, rtol=0)


def test_a_convolution_is_divided_and_remembers_nothing() -> None:
    torch.manual_seed(0)
    conv = spectral(3, 5, 3, 2)
    nn.init.normal_(conv.bias)  # type: ignore[arg-type]
    x = torch.randn(2, 3, 9, 7)
    before = {name: one.clone() for name, one in conv.state_dict().items()}
    out = conv(x)
    weight = conv.weight / torch.linalg.matrix_norm(conv.weight.flatten(1), 2)
    wanted = nn.functional.conv2d(x, weight, conv.bias, 2, 1)
    torch.testing.assert_close(out, wanted, rtol=0.05, atol=0.02)
    assert torch.equal(conv(x), out)
    assert all(torch.equal(one, before[name]) for name, one in conv.state_dict().items())
    with torch.no_grad():
        conv.weight.mul_(10)
    torch.testing.assert_close(conv(x), out)


def test_carried_on_it_is_torchs_own_to_each_step_and_gradient() -> None:
    """The right values: `torch.nn.utils.spectral_norm`, one step at each pass in training, none outside."""
    torch.manual_seed(0)
    conv = spectral(3, 5, 3, 2)
    conv.remember()
    assert conv.u is not None
    assert conv.v is not None
    torchs = nn.utils.spectral_norm(nn.Conv2d(3, 5, 3, 2, 1))
    torchs.load_state_dict(
        {"weight_orig": conv.weight, "bias": conv.bias, "weight_u": conv.u, "weight_v": conv.v}
    )
    for step in range(4):
        x = torch.randn(2, 3, 9, 7)
        conv.iterate(1)
        ours, theirs = conv(x), torchs(x)
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
        for out, weight in ((ours, conv.weight), (theirs, torchs.weight_orig)):
            out.square().sum().backward()
            assert weight.grad is not None
        torch.testing.assert_close(conv.weight.grad, torchs.weight_orig.grad, rtol=1e-4, atol=1e-5)
        with torch.no_grad():
            for weight in (conv.weight, torchs.weight_orig):
                weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(step)))
        conv.weight.grad = torchs.weight_orig.grad = None
    before = {name: one.clone() for name, one in conv.state_dict().items()}
    conv(x)
    assert {"u", "v"} < set(before)
    assert all(torch.equal(one, before[name]) for name, one in conv.state_dict().items())
    torch.testing.assert_close(conv.eval()(x), torchs.eval()(x), rtol=1e-5, atol=1e-6)


def test_a_kernel_of_zeros_gives_the_bias() -> None:
    conv = SpectralConv2d(2, 2, 1)
    nn.init.zeros_(conv.weight)
    assert conv.bias is not None
    out = conv(torch.ones(1, 2, 3, 3))
    torch.testing.assert_close(out, conv.bias.view(1, 2, 1, 1).expand(1, 2, 3, 3))


def test_attention_is_that_of_every_pixel_to_all() -> None:
    torch.manual_seed(0)
    attention, x = SelfAttention(8, gamma=0.5), torch.randn(2, 8, 3, 4)
    q, k, v = (part(x).flatten(2) for part in (attention.query, attention.key, attention.value))
    wanted = x.clone().flatten(2)
    for sample in range(2):
        for pixel in range(12):
            shares = torch.stack([q[sample, :, pixel] @ k[sample, :, n] for n in range(12)]).softmax(0)
            wanted[sample, :, pixel] += 0.5 * sum(shares[n] * v[sample, :, n] for n in range(12))
    torch.testing.assert_close(attention(x), wanted.reshape(x.shape), atol=1e-5, rtol=1e-4)
    assert torch.equal(SelfAttention(8)(x), x)


@pytest.mark.parametrize("blocks", [1, 2])
def test_the_least_side_has_one_verdict(blocks: int) -> None:
    judge = SpectralDiscriminator(3, 2, blocks)
    least = judge.least_side
    assert judge(torch.rand(1, 3, least, least)).shape == (1, 1, 1, 1)
    with pytest.raises(RuntimeError):
        judge(torch.rand(1, 3, least, least // 2))


@pytest.mark.parametrize(("device", "steps"), [("cpu", STEPS), ("meta", 1)])
def test_without_values_one_step_tells_the_shapes(
    device: str, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    normalised: list[torch.Size] = []

    def normalise(vector: torch.Tensor, dim: int) -> torch.Tensor:
        normalised.append(vector.shape)
        return vector

    monkeypatch.setattr(room.F, "normalize", normalise)
    with torch.device(device):
        conv = SpectralConv2d(3, 5, 3)
        conv.remember()
    assert normalised == [(5,), (27,)] * steps
    assert conv.u is not None
    assert (conv.u.shape, conv.u.device.type) == ((5,), device)
