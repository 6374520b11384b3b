"""Small blocks that several networks share."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from transmodal.batch import copy_to, generators
from transmodal.precision import full_precision as full_precision

NormKind = Literal["batch", "instance", "none"]
TranslateWith = Literal["batch_statistics", "running"]
"""Statistics of batch normalisation while translating: each window's own statistics, or training's running averages."""


class BatchNorm(_BatchNorm):
    """Batch normalisation that can take each image's own statistics outside training.

    Attributes:
        by_image: outside training, normalise each image as a batch of that image alone would be in training. How
            images are batched does not matter then, and running averages are neither taken nor changed.
    """

    by_image: bool = False

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `(B, C, *S)`; with `by_image`, maps of one pixel have no deviation and are refused by torch."""
        if self.training or not self.by_image:
            return super().forward(x)
        # A batch of one image has the statistics of that image: the arithmetic of instance normalisation.
        return F.instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps)


class BatchNorm2d(BatchNorm, nn.BatchNorm2d):
    """Of maps `(B, C, H, W)`."""


class BatchNorm3d(BatchNorm, nn.BatchNorm3d):
    """Of maps `(B, C, D, H, W)`."""


def translate_with(module: nn.Module, statistics: TranslateWith) -> None:
    """Set what all batch normalisation of a network takes outside training."""
    for part in module.modules():
        if isinstance(part, BatchNorm):
            part.by_image = statistics == "batch_statistics"


def seeded_dropout(x: Tensor, p: float, seeds: Tensor, layer: int) -> Tensor:
    """Drop values of each sample by its own seed, so that nothing depends on how samples are batched.

    Args:
        x: `(B, C, *S)`.
        p: share that is dropped; what stays is scaled by 1 / (1 - p).
        seeds: `(B,)` int64.
        layer: number of the layer; another layer draws other numbers from the same seeds.
    """
    draws = torch.stack(
        [torch.rand(x.shape[1:], generator=generator) for generator in generators(seeds, layer + 1)]
    )
    return x * (copy_to(x.device, draws >= p).to(x) / (1 - p))


def settle() -> None:
    """Call the CPU's vector maths once from one thread, so that threads that need it next find it ready.

    MKL prepares its vector functions at their first call. Where two threads made that call together, as in the first
    tanh of a process, one of them was seen to get values that are 5e-5 off: in 7 of 150 processes on a busy machine,
    and in none of 150 after this call. The same seeds would not give the same figures.
    """
    torch.tanh(torch.zeros(1, device="cpu"))


def normal_init(module: nn.Module, deviation: float = 0.02) -> None:
    """Draw convolutions from N(0, deviation) and batch norm's scales from N(1, deviation), as pix2pix does."""
    for part in module.modules():
        if isinstance(part, (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)):
            nn.init.normal_(part.weight, 0.0, deviation)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, _BatchNorm):
            nn.init.normal_(part.weight, 1.0, deviation)
            nn.init.zeros_(part.bias)
