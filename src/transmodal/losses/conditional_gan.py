"""The conditional GAN objective that several papers share: an adversarial term and a weighted L1."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from transmodal.losses.adversarial import Gan, discriminator_halves, verdict

Judge = Callable[[Tensor], Tensor]


def generator_terms(
    judge: Judge,
    source: Tensor,
    synthetic: Tensor,
    target: Tensor,
    *,
    l1_weight: float,
    adversarial_weight: float = 1.0,
    gan: Gan = "least_squares",
) -> dict[str, Tensor]:
    """Return what the generator minimises: the weighted verdict on G(x) beside x, and L1.

    Args:
        judge: the discriminator, on source and image as channels of one tensor.
        source: `(B, C, H, W)`.
        synthetic: `(B, T, H, W)`, with its gradient.
        target: `(B, T, H, W)`.
        l1_weight: pix2pix: 100.
        adversarial_weight: pix2pix: 1.
        gan: how verdicts are scored.
    """
    verdicts = judge(torch.cat([source, synthetic], dim=1))
    return {
        "adversarial": adversarial_weight * verdict(verdicts, real=True, gan=gan),
        "l1": l1_weight * F.l1_loss(synthetic.float(), target.float()),
    }


def discriminator_terms(
    judge: Judge, source: Tensor, synthetic: Tensor, target: Tensor, *, gan: Gan = "least_squares"
) -> dict[str, Tensor]:
    """Return what the discriminator minimises: half of each term; the synthetic image is detached.

    Args:
        judge: the discriminator, on source and image as channels of one tensor.
        source: `(B, C, H, W)`.
        synthetic: `(B, T, H, W)`.
        target: `(B, T, H, W)`.
        gan: how verdicts are scored.
    """
    return discriminator_halves(
        judge(torch.cat([source, target], dim=1)),
        judge(torch.cat([source, synthetic.detach()], dim=1)),
        gan,
    )
