"""Layers by the number of spatial dimensions of windows: slices and slabs have two, patches three.

Networks that take both ask here, once: what they are made of is then written without a number of dimensions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets.blocks import BatchNorm, BatchNorm2d, BatchNorm3d, NormKind


@dataclass(frozen=True, slots=True)
class Layers:
    """The layers that networks are made of, for one number of spatial dimensions.

    Attributes:
        dims: how many, 2 or 3.
        conv: convolution.
        conv_transpose: transposed convolution.
        batch_norm: batch normalisation, of windows by their own statistics where that is asked for.
        instance_norm: instance normalisation.
        reflect: padding that mirrors the window at its edges.
        average: average pooling.
        linear: the mode of `interpolate` that mixes neighbours along every axis.
        convolve: convolution with kernels that are given.
        pool: average pooling as a function.
        pool_to: average pooling to sides that are given.
    """

    dims: int
    conv: type[nn.Conv2d] | type[nn.Conv3d]
    conv_transpose: type[nn.ConvTranspose2d] | type[nn.ConvTranspose3d]
    batch_norm: type[BatchNorm]
    instance_norm: type[nn.InstanceNorm2d] | type[nn.InstanceNorm3d]
    reflect: type[nn.ReflectionPad2d] | type[nn.ReflectionPad3d]
    average: type[nn.AvgPool2d] | type[nn.AvgPool3d]
    linear: Literal["bilinear", "trilinear"]
    convolve: Callable[..., Tensor]
    pool: Callable[[Tensor, int], Tensor]
    pool_to: Callable[[Tensor, int], Tensor]

    def norm(self, kind: NormKind, channels: int, *, remembers: bool = True) -> nn.Module:
        """Return the normalisation of a stage; instance normalisation has no parameters, as in pix2pix.

        Args:
            kind: which.
            channels: of the stage.
            remembers: whether batch normalisation keeps running statistics; networks that only losses call do
                not, since losses change no state.
        """
        if kind == "batch":
            return self.batch_norm(channels, track_running_stats=remembers)
        return self.instance_norm(channels) if kind == "instance" else nn.Identity()

    def per_channel(self, values: Tensor) -> Tensor:
        """View `(..., C)` as `(..., C, 1, 1)`, or with a third 1, so that it spreads over windows."""
        return values.reshape(*values.shape, *(1,) * self.dims)


SLICES = Layers(
    2,
    nn.Conv2d,
    nn.ConvTranspose2d,
    BatchNorm2d,
    nn.InstanceNorm2d,
    nn.ReflectionPad2d,
    nn.AvgPool2d,
    "bilinear",
    F.conv2d,
    F.avg_pool2d,
    F.adaptive_avg_pool2d,
)
"""For `(B, C, H, W)`."""
PATCHES = Layers(
    3,
    nn.Conv3d,
    nn.ConvTranspose3d,
    BatchNorm3d,
    nn.InstanceNorm3d,
    nn.ReflectionPad3d,
    nn.AvgPool3d,
    "trilinear",
    F.conv3d,
    F.avg_pool3d,
    F.adaptive_avg_pool3d,
)
"""For `(B, C, D, H, W)`."""


def layers_of(spatial_dims: int) -> Layers:
    """Return the layers for a number of spatial dimensions, 2 or 3."""
    return {2: SLICES, 3: PATCHES}[spatial_dims]
