"""Patches that are cut at random inside a box, such as the one around the brain.

A box is (x, y, half width, half height) in the image's coordinates, which run from -1 to 1 from edge to edge. In three
dimensions it is (x, y, z, half width, half height, half depth): the last axis of the window comes first.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from transmodal.batch import Batch

_STREAM = 1


def brain_box(batch: Batch, threshold: float) -> Tensor:
    """Return the box, `(4,)` or in three dimensions `(6,)`, around the brain of all samples of a mini-batch together.

    Brain is where the mask is, or, without one, where any source or target channel exceeds the threshold. A
    mini-batch without brain gives the whole image.

    Args:
        batch: images in [-1, 1].
        threshold: of intensities in [0, 1].
    """
    if batch.mask is not None:
        inside = batch.mask > 0
    else:
        images = batch.source if batch.target is None else torch.cat([batch.source, batch.target], dim=1)
        inside = (images + 1) / 2 > threshold
    brain = inside.any(dim=0).any(dim=0)
    extents = [_extent(brain.movedim(axis, 0).flatten(1).any(dim=1)) for axis in reversed(range(brain.ndim))]
    centres, sides = ([sign * low + high for low, high in extents] for sign in (1, -1))
    return torch.stack([*centres, *sides]) / 2


def _extent(inside: Tensor) -> tuple[Tensor, Tensor]:
    """Return the outer edges, in [-1, 1], of what is inside along one axis `(n,)`; both ends if nothing is."""
    n, flags = inside.shape[0], inside.int()
    # The first of the largest: 0, and thereby the whole axis, where all are alike.
    first, last = flags.argmax(), n - flags.flip(0).argmax()
    return 2 * first / n - 1, 2 * last / n - 1


def draw_crops(batch: Batch, box: Tensor | None, crops: int, scales: tuple[float, float]) -> Tensor:
    """Draw boxes `(B, 3, K, 4)`, or `(B, 3, K, 6)`, inside a box, for reference, target and synthetic patches of each sample.

    Each side is a share U(scales) of the box's; a negative half width means that the patch is mirrored.

    Args:
        batch: its seeds decide.
        box: `(4,)` or `(6,)`; None for the whole image.
        crops: K.
        scales: least and largest share.
    """
    dims = batch.source.ndim - 2
    draws = torch.stack(
        [torch.rand(3, crops, 2 * dims + 1, generator=generator) for generator in batch.generators(_STREAM)]
    )
    draws = draws.to(batch.source.device)
    share = scales[0] + (scales[1] - scales[0]) * draws[..., :dims]
    centre = (2 * draws[..., dims : 2 * dims] - 1) * (1 - share)
    mirror = torch.where(draws[..., 2 * dims :] < 0.5, -1.0, 1.0)
    box = draws.new_tensor([*[0.0] * dims, *[1.0] * dims]) if box is None else box.to(draws)
    half = share * torch.cat([mirror, *[torch.ones_like(mirror)] * (dims - 1)], dim=-1)
    return torch.cat([box[:dims] + box[dims:] * centre, box[dims:] * half], dim=-1)


def cut(images: Tensor, crops: Tensor, size: int) -> Tensor:
    """Cut patches and bring them to one size, linearly; differentiable.

    Args:
        images: `(B, C, *S)`.
        crops: `(B, K, 4)` boxes, or `(B, K, 6)` in three dimensions.
        size: P.

    Returns:
        `(B, K, C, P, P)`, or with a third P; float32.
    """
    dims = images.ndim - 2
    unit = (2 * torch.arange(size, device=images.device) + 1) / size - 1
    sides, places = (size,) * dims, []
    for n in range(dims):  # x runs along the last axis
        along = crops[..., n, None] + crops[..., dims + n, None] * unit
        places.append(along.reshape(*crops.shape[:2], *(1,) * (dims - 1 - n), size, *(1,) * n))
    grid = torch.stack([place.expand(-1, -1, *sides) for place in places], dim=-1)
    # The K patches of an image lie one below the other.
    patches = F.grid_sample(
        images.float(), grid.flatten(1, 2), mode="bilinear", padding_mode="border", align_corners=False
    )
    samples, channels = images.shape[:2]
    return patches.view(samples, channels, crops.shape[1], *sides).transpose(1, 2)
