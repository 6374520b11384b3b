"""CAGR, AGI-Net's convolution: cross group attention, then kernels that are rolled group by group.

Song et al., arXiv 2411.14684. The input's channels fall into n groups of neighbours; a group is a modality where the
network's stem keeps modalities apart. The routing follows ARC (Pu et al., Adaptive Rotated Convolution, ICCV 2023),
which turns kernels where AGI-Net moves them.
"""

from __future__ import annotations

from functools import reduce
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets.blocks import full_precision
from transmodal.nets.dimensions import layers_of

Attention = Literal["channel", "spatial", "none"]
Fill = Literal["circular", "zero"]


class CagrSpec(NamedTuple):
    """The parts of a CAGR convolution.

    Attributes:
        groups: n, of neighbouring channels.
        cga: `channel` weighs channels, `spatial` places, `none` nothing.
        rolling: whether kernels are moved and scaled.
        fill: what comes in where a kernel moves: its other end (`circular`) or 0 (`zero`).
        delta: furthest that a kernel moves, in pixels.
        dims: spatial dimensions of the maps, 2 or 3.
    """

    groups: int
    cga: Attention = "channel"
    rolling: bool = True
    fill: Fill = "circular"
    delta: float = 1.0
    dims: int = 2


class CagrConv(nn.Module):
    """Conv3 on e_x, what the attention lets pass of x, with kernels lambda_g R(W_g; theta_g) of each sample's own.

    Args:
        before: channels of the input, a multiple of the groups.
        after: channels of the output.
        spec: what it consists of.
        stride: of the convolution.
        bias: whether it has one; where instance normalisation follows it would be lost.
    """

    def __init__(
        self, before: int, after: int, spec: CagrSpec, stride: int = 1, *, bias: bool = False
    ) -> None:
        super().__init__()
        self._fill: Fill = spec.fill
        self.attend = _attention(before, spec)
        self.routing = Routing(before, spec.groups, spec.delta, spec.dims) if spec.rolling else None
        self.conv = layers_of(spec.dims).conv(before, after, 3, stride, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, before, *S)` to `(B, after, *S / stride)`."""
        x = self.attend(x)
        if self.routing is None:
            plain: Tensor = self.conv(x)
            return plain
        scales, offsets = self.routing(x)
        with full_precision(x):
            kernels = rolled(self.conv.weight.float(), scales, offsets, self._fill)
        return per_sample_conv(x, kernels, self.conv.bias, stride=self.conv.stride[0])


class ChannelAttention(nn.Module):
    """Cross group attention by channel: a_i = sigmoid(W_i [z_i ; z_s^i]), with z the mean of each channel.

    z_s is z with its channels shuffled, so that the i-th part holds channels of all groups.

    Args:
        channels: of the input.
        groups: n.
    """

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self._groups = groups
        self.mix = nn.Conv1d(2 * channels, channels, 1, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """Weigh `(B, C, *S)` by a number in (0, 1) per sample and channel."""
        pooled = x.mean(dim=tuple(range(2, x.ndim)))
        own, shuffled_groups = (
            grouped(values, self._groups) for values in (pooled, shuffled(pooled, self._groups))
        )
        joined = torch.cat([own, shuffled_groups], dim=2).flatten(1)
        weights = torch.sigmoid(self.mix(joined[..., None]))
        return x * layers_of(x.ndim - 2).per_channel(weights[..., 0])


class SpatialAttention(nn.Module):
    """Cross group attention by place: the other reading, in which each group has a map.

    Pooling averages a group's channels instead of its places; z_s^i averages the i-th part of the shuffled
    channels. The convolution is 7 x 7, as in CBAM (Woo et al., ECCV 2018), and 7 x 7 x 7 in three dimensions.

    Args:
        groups: n.
        dims: spatial dimensions, 2 or 3.
    """

    def __init__(self, groups: int, dims: int = 2) -> None:
        super().__init__()
        self._groups = groups
        self.mix = layers_of(dims).conv(2 * groups, groups, 7, padding=3, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """Weigh `(B, C, *S)` by a number in (0, 1) per sample, group and place."""
        own = grouped(x, self._groups)
        shuffled_groups = grouped(shuffled(x, self._groups), self._groups)
        joined = torch.stack([own.mean(dim=2), shuffled_groups.mean(dim=2)], dim=2).flatten(1, 2)
        weights = torch.sigmoid(self.mix(joined))
        return (own * weights[:, :, None]).flatten(1, 2)


class Routing(nn.Module):
    """How each group's kernels are scaled and moved: lambda = 2 sigmoid(.) and theta = delta softsign(.), of a pooled view of e_x.

    Depthwise Conv3, LayerNorm over channels, ReLU and the mean over places come before. The offsets' layer starts
    at 0, so that the convolution starts as an ordinary one. ARC's dropout is left out.

    Args:
        channels: of the input.
        groups: n.
        delta: furthest that a kernel moves, in pixels.
        dims: spatial dimensions, 2 or 3; an offset has a number for each.
    """

    def __init__(self, channels: int, groups: int, delta: float, dims: int = 2) -> None:
        super().__init__()
        self._delta = delta
        self.look = layers_of(dims).conv(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.norm = nn.LayerNorm(channels)
        self.scale = nn.Linear(channels, groups)
        self.offset = nn.Linear(channels, dims * groups, bias=False)
        nn.init.trunc_normal_(self.look.weight, std=0.02)
        nn.init.trunc_normal_(self.scale.weight, std=0.02)
        nn.init.zeros_(self.scale.bias)
        nn.init.zeros_(self.offset.weight)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return lambda `(B, n)` in (0, 2) and theta `(B, n, dims)` in pixels along the axes, both float32."""
        normalised = self.norm(self.look(x).movedim(1, -1))
        with full_precision(x):
            pooled = torch.relu(normalised.float()).mean(dim=tuple(range(1, x.ndim - 1)))
            scales = 2 * torch.sigmoid(self.scale(pooled))
            offsets = self._delta * F.softsign(self.offset(pooled))
        return scales, grouped(offsets, scales.shape[1])


def rolled(weight: Tensor, scales: Tensor, offsets: Tensor, fill: Fill = "circular") -> Tensor:
    """Return each sample's kernels, moved group by group: W' = concat_g lambda_g R(W_g; theta_g).

    R mixes the whole-pixel moves around theta linearly along every axis, four of them in two dimensions and eight in
    three, so it is differentiable in theta. It is a matrix on the k x k taps (k x k x k), the Kronecker product of one
    per axis.

    Args:
        weight: `(O, C, k, k)` or `(O, C, k, k, k)`; its input channels C fall into n groups.
        scales: lambda, `(B, n)`.
        offsets: theta, `(B, n, dims)`, in pixels along the axes: of images down and right.
        fill: as in `CagrSpec`.

    Returns:
        `(B, *weight.shape)`; at theta 0 and lambda 1 the very weights.
    """
    after, before, *sides = weight.shape
    samples, groups = scales.shape
    moves = [_move(offsets[..., axis], side, fill).mT for axis, side in enumerate(sides)]
    matrix = reduce(_kronecker, moves)
    taps = matrix.shape[-1]
    rows = weight.reshape(after, groups, -1, taps).transpose(0, 1).reshape(groups, -1, taps)
    moved = rows @ (matrix * scales[..., None, None])
    by_output = moved.reshape(samples, groups, after, -1, *sides).transpose(1, 2)
    return by_output.reshape(samples, after, before, *sides)


def per_sample_conv(x: Tensor, kernels: Tensor, bias: Tensor | None = None, *, stride: int = 1) -> Tensor:
    """Convolve every sample with kernels of its own, as one convolution in B groups.

    Args:
        x: `(B, C, *S)`.
        kernels: `(B, O, C, k, k)`, or with a third k; k odd.
        bias: `(O,)`, shared.
        stride: of the convolution.

    Returns:
        `(B, O, *S / stride)`.
    """
    samples, after = kernels.shape[:2]
    nd = layers_of(x.ndim - 2)
    together = x.reshape(1, -1, *x.shape[2:])
    out = nd.convolve(together, kernels.flatten(0, 1), None, stride, kernels.shape[-1] // 2, groups=samples)
    out = out.reshape(samples, after, *out.shape[2:])
    return out if bias is None else out + nd.per_channel(bias).to(out)


def grouped(x: Tensor, groups: int) -> Tensor:
    """View `(B, C, ...)` as `(B, n, C / n, ...)`."""
    return x.reshape(x.shape[0], groups, -1, *x.shape[2:])


def shuffled(x: Tensor, groups: int) -> Tensor:
    """Deal the channels of `(B, C, ...)` out: one of each group in turn, as in ShuffleNet."""
    return grouped(x, groups).transpose(1, 2).flatten(1, 2)


def _attention(channels: int, spec: CagrSpec) -> nn.Module:
    if spec.cga == "channel":
        return ChannelAttention(channels, spec.groups)
    return SpatialAttention(spec.groups, spec.dims) if spec.cga == "spatial" else nn.Identity()


def _kronecker(first: Tensor, second: Tensor) -> Tensor:
    """Return the Kronecker products of matrices `(B, n, k, k)` and `(B, n, l, l)`: `(B, n, k l, k l)`."""
    product = torch.einsum("bgji,bglk->bgjlik", first, second)
    return product.flatten(4, 5).flatten(2, 3)


def _move(offset: Tensor, taps: int, fill: Fill) -> Tensor:
    """Return the matrices `(*, taps, taps)` that move a row of taps by `offset` pixels `(*,)`, linearly."""
    whole = offset.detach().floor()
    part = (offset - whole)[..., None, None]
    places = torch.arange(taps, device=offset.device, dtype=offset.dtype)
    lag = places[:, None] - places[None] - whole[..., None, None]
    if fill == "circular":
        lag = lag.remainder(taps)
    return (lag == 0) * (1 - part) + (lag == 1) * part
