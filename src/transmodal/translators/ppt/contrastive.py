"""Contrastive terms: a place of one image is to be told from other places of another image."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from transmodal.precision import in_full_precision


@in_full_precision
def focal_nce(
    queries: Tensor, keys: Tensor, temperature: float = 0.07, alpha: float = 0.25, gamma: float = 2.0
) -> Tensor:
    """Return the mean of -alpha (1 - p)^gamma log p, p being what a query gives to the key of its own place.

    p is the softmax over the keys of the same sample: InfoNCE (Park et al., ECCV 2020) with the focal weight of
    Lin et al., ICCV 2017. With `gamma` 0 it is `alpha` times InfoNCE. No gradient reaches the keys.

    Args:
        queries: `(B, P, F)`, of length 1.
        keys: the same, of the same P places.
        temperature: that similarities are divided by.
        alpha: factor of all.
        gamma: how much less the places count that are told apart already.
    """
    alike = torch.bmm(queries, keys.detach().transpose(1, 2)) / temperature
    own = torch.log_softmax(alike, dim=2).diagonal(dim1=1, dim2=2)
    return (-alpha * (1 - own.exp()) ** gamma * own).mean()


@in_full_precision
def patch_distance(synthetic: Tensor, target: Tensor, side: int = 4) -> Tensor:
    """Return the mean over patches of the sum of absolute differences within a patch.

    Patches do not overlap; half a patch of zeros surrounds the image.

    Args:
        synthetic: `(B, C, H, W)`.
        target: the same.
        side: of a patch.
    """
    apart = (synthetic - target).abs()
    return F.unfold(apart, side, padding=side // 2, stride=side).sum(dim=1).mean()


@in_full_precision
def gaussian_pyramid(images: Tensor, levels: int) -> list[Tensor]:
    """Return blurred images of which each has half the sides of the one before; the last two differ in size alone.

    Binomial taps (1, 4, 6, 4, 1) / 16. As in LPTN (Liang et al., CVPR 2021) a level is kept before it is halved.

    Args:
        images: `(B, C, H, W)`.
        levels: number of images that are returned.
    """
    taps = images.new_tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    channels = images.shape[1]
    kernel = torch.outer(taps, taps).expand(channels, 1, 5, 5)
    pyramid, current = [], images
    for _ in range(levels - 1):
        # Edges are mirrored; at sides of 2 or less there is nothing to mirror, and the edge is repeated.
        mode = "reflect" if min(current.shape[2:]) > 2 else "replicate"
        blurred = F.conv2d(F.pad(current, (2, 2, 2, 2), mode=mode), kernel, groups=channels)
        pyramid.append(blurred)
        current = blurred[..., ::2, ::2]
    return [*pyramid, current]


@in_full_precision
def pyramid_distance(synthetic: Tensor, target: Tensor, levels: int = 6) -> Tensor:
    """Return the mean over the levels of both pyramids of the mean absolute difference."""
    pairs = zip(gaussian_pyramid(synthetic, levels), gaussian_pyramid(target, levels), strict=True)
    return torch.stack(
        [F.l1_loss(synthetic_level, target_level) for synthetic_level, target_level in pairs]
    ).mean()
