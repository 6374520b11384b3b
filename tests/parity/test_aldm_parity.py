"""ALDM's parts from a second statement: loops over codes, windows and heads, sums written out."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from transmodal.nets.meta import shapes_alone
from transmodal.translators.aldm.diffusion import DenoiserShape, DenoisingUNet, Schedule, SelfAttention, waves
from transmodal.translators.aldm.residual import EmbeddedResidual
from transmodal.translators.aldm.spade import SpadeResidual
from transmodal.translators.aldm.vq import AutoencoderShape, ShiftedHalving, VQAutoencoder

Array = NDArray[np.float64]


def _values(tensor: torch.Tensor | None) -> Array:
    assert tensor is not None
    return np.asarray(tensor.detach().double().numpy(), dtype=np.float64)


def _convolved(x: Array, conv: torch.nn.Conv2d, *, stride: int = 1) -> Array:
    """Correlate `(C, H, W)` with a kernel, padded as the layer says."""
    kernel, pad = _values(conv.weight), int(conv.padding[0])
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    size = kernel.shape[2]
    height, width = (x.shape[1] - size) // stride + 1, (x.shape[2] - size) // stride + 1
    out = np.zeros((len(kernel), height, width))
    for i in range(height):
        for j in range(width):
            piece = x[:, i * stride : i * stride + size, j * stride : j * stride + size]
            out[:, i, j] = np.tensordot(kernel, piece, 3)
    return out if conv.bias is None else out + _values(conv.bias)[:, None, None]


def _grouped(x: Array, norm: torch.nn.GroupNorm) -> Array:
    parts = []
    for part in np.split(x, norm.num_groups):
        parts.append((part - part.mean()) / math.sqrt(part.var() + norm.eps))
    return np.concatenate(parts) * _values(norm.weight)[:, None, None] + _values(norm.bias)[:, None, None]


def _silu(x: Array) -> Array:
    return np.asarray(x / (1 + np.exp(-x)), dtype=np.float64)


def _unlike(module: torch.nn.Module) -> None:
    """Give every parameter, norms included, values of their own."""
    generator = torch.Generator().manual_seed(8)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)


def _close(found: torch.Tensor, expected: Array) -> None:
    np.testing.assert_allclose(_values(found), expected, rtol=2e-4, atol=2e-5)


def test_a_residual_block_with_an_embedding() -> None:
    block = EmbeddedResidual(4, 6, 2, 5)
    _unlike(block)
    x, embedding = torch.randn(1, 4, 5, 3), torch.randn(1, 5)
    given = _values(x)[0]
    assert block.embedding is not None
    shift = _values(block.embedding.weight) @ _silu(_values(embedding)[0]) + _values(block.embedding.bias)
    inner = _convolved(_silu(_grouped(given, block.norm1)), block.conv1) + shift[:, None, None]
    inner = _convolved(_silu(_grouped(inner, block.norm2)), block.conv2)
    assert isinstance(block.skip, torch.nn.Conv2d)
    _close(block(x, embedding)[0], _convolved(given, block.skip) + inner)


def test_a_spade_block_switches_by_class() -> None:
    block = SpadeResidual(2, 3, 4, 5)
    _unlike(block)

    def spade(x: Array, place: int, of: int) -> Array:
        part = (block.norm1 if place == 0 else block.norm2).parts[of]
        mean, variance = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
        hidden = np.maximum(_convolved(x, part.shared), 0)  # type: ignore[arg-type]
        scale, shift = _convolved(hidden, part.scale), _convolved(hidden, part.shift)  # type: ignore[arg-type]
        return (x - mean) / np.sqrt(variance + 1e-5) * (1 + scale) + shift

    def leaky(x: Array) -> Array:
        return np.where(x < 0, 0.2 * x, x)

    x, classes = torch.randn(3, 3, 5, 4), torch.tensor([1, 0, 1])
    assert isinstance(block.skip, torch.nn.Conv2d)
    for found, given, of in zip(block(x, classes), _values(x), classes.tolist(), strict=True):
        inner = _convolved(leaky(spade(given, 0, of)), block.conv1)
        inner = _convolved(leaky(spade(inner, 1, of)), block.conv2)
        _close(found, _convolved(given, block.skip) + inner)


def test_attention_head_by_head() -> None:
    attention = SelfAttention(6, 3, 2)
    _unlike(attention)
    x = torch.randn(1, 6, 2, 4)
    given = _values(x)[0]
    parts = _convolved(_grouped(given, attention.norm), attention.into).reshape(18, 8)
    heads = []
    for head in range(2):  # 9 rows each: three of queries, three of keys, three of values
        query, key, value = np.split(parts[9 * head : 9 * head + 9], 3)
        seen = np.zeros((3, 8))
        for place in range(8):
            weights = np.exp(query[:, place] @ key / math.sqrt(3))
            seen[:, place] = value @ (weights / weights.sum())
        heads.append(seen)
    _close(attention(x)[0], given + _convolved(np.concatenate(heads).reshape(6, 2, 4), attention.out))


def test_the_autoencoders_halving_sees_zeros_at_the_far_sides_alone() -> None:
    halving = ShiftedHalving(2)
    _unlike(halving)
    x = torch.randn(1, 2, 4, 6)
    padded = np.zeros((2, 5, 7))
    padded[:, :4, :6] = _values(x)[0]
    _close(halving(x)[0], _convolved(padded, halving.conv, stride=2))


def test_the_autoencoder_layer_by_layer() -> None:
    net = VQAutoencoder(1, AutoencoderShape(4, (1, 2), 2, 5, 2))
    _unlike(net)
    image = torch.rand(1, 1, 4, 6) * 2 - 1

    def residual(x: Array, block: torch.nn.Module) -> Array:
        assert isinstance(block, EmbeddedResidual)
        assert block.norm1.eps == 1e-6
        inner = _convolved(_silu(_grouped(x, block.norm1)), block.conv1)
        inner = _convolved(_silu(_grouped(inner, block.norm2)), block.conv2)
        return inner + (_convolved(x, block.skip) if isinstance(block.skip, torch.nn.Conv2d) else x)

    first, fine, halving, coarse, bottom, norm, _, last = net.encoder
    x = residual(_convolved(_values(image)[0], first), fine)  # type: ignore[arg-type]
    x = _convolved(np.pad(x, ((0, 0), (0, 1), (0, 1))), halving.conv, stride=2)  # type: ignore[arg-type]
    x = _silu(_grouped(residual(residual(x, coarse), bottom), norm))  # type: ignore[arg-type]
    x = _convolved(_convolved(x, last), net.to_code)  # type: ignore[arg-type]
    coded = net.encode(image)
    _close(coded.latent[0], x)
    book, code = _values(net.codebook.weight), np.zeros_like(x)
    for i in range(2):
        for j in range(3):
            code[:, i, j] = book[np.argmin([np.linalg.norm(entry - x[:, i, j]) for entry in book])]
    _close(coded.passed[0], code)

    first, bottom, one, two, _, conv, three, four = net.decoder
    y = residual(_convolved(_convolved(code, net.from_code), first), bottom)  # type: ignore[arg-type]
    y = residual(residual(y, one), two).repeat(2, 1).repeat(2, 2)
    y = residual(residual(_convolved(y, conv), three), four)  # type: ignore[arg-type]
    _close(net.decode(coded.passed)[0], _convolved(_silu(_grouped(y, net.norm)), net.head))


def test_the_step_is_cosines_before_sines() -> None:
    found = _values(waves(torch.tensor([0, 7, 999]), 6))
    for row, step in zip(found, (0, 7, 999), strict=True):
        rates = [10000 ** (-n / 3) for n in range(3)]
        expected = [math.cos(step * rate) for rate in rates] + [math.sin(step * rate) for rate in rates]
        np.testing.assert_allclose(row, expected, atol=1e-4)


def test_the_schedule_and_a_sampler_with_noise() -> None:
    schedule, steps = Schedule(100), 10
    kept, product = [], 1.0
    for n in range(100):
        product *= 1 - (math.sqrt(0.0015) + (math.sqrt(0.0195) - math.sqrt(0.0015)) * n / 99) ** 2
        kept.append(product)
    np.testing.assert_allclose(_values(schedule.alpha_bar), kept, rtol=1e-5)
    draws = [torch.randn(1, 1, 2, 2) for _ in range(steps + 1)]
    found = schedule.sample(
        lambda x, step: 0.3 * x + step.reshape(-1, 1, 1, 1) / 500, iter(draws), steps, 0.7
    )
    x = _values(draws[0])
    times = [1 + 10 * n for n in range(10)]
    for place in range(9, -1, -1):
        now, after = kept[times[place]], kept[times[place - 1]] if place else kept[0]
        noise = 0.3 * x + times[place] / 500
        clean = (x - math.sqrt(1 - now) * noise) / math.sqrt(now)
        sigma = 0.7 * math.sqrt((1 - after) / (1 - now)) * math.sqrt(1 - now / after)
        x = (
            math.sqrt(after) * clean
            + math.sqrt(1 - after - sigma**2) * noise
            + sigma * _values(draws[10 - place])
        )
    _close(found, x)


def test_the_denoiser_has_the_released_blocks_in_the_released_order() -> None:
    """Channels into and out of each block at the released width, and where attention follows."""
    with shapes_alone():
        net = DenoisingUNet(4, 8, 4, DenoiserShape(128, (1, 1, 2), (1, 2), 32, 32))
    assert (net.stem.in_channels, net.stem.out_channels, net.head.out_channels) == (12, 128, 4)
    blocks = []
    for part in (*net.down, net.middle, net.end, *net.up):
        block = getattr(part, "block", part)
        if isinstance(block, EmbeddedResidual):
            attends = isinstance(getattr(part, "attention", None), SelfAttention)
            blocks.append((block.conv1.in_channels, block.conv1.out_channels, attends))
        else:
            blocks.append(type(part).__name__)  # type: ignore[arg-type]
    assert blocks == [
        (128, 128, False), "_Halving", (128, 128, True), "_Halving", (128, 256, True),
        (256, 256, True), (256, 256, False),
        (512, 256, True), (384, 256, True), "_Doubling",
        (384, 128, True), (256, 128, True), "_Doubling",
        (256, 128, False), (256, 128, False),
    ]  # fmt: skip
