"""Patches that are cut at random inside a box, such as the one around the brain.

A box is (x, y, half width, half height) in the image's coordinates, which run from -1 to 1 from edge to edge.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from transmodal.batch import Batch

_STREAM = 1


def brain_box(batch: Batch, threshold: float) -> Tensor:
    """Return the box `(4,)` around the brain of all samples of a mini-batch together.

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
    left_edge, right_edge = _extent(brain.any(dim=0))
    top, bottom = _extent(brain.any(dim=1))
    return torch.stack([left_edge + right_edge, top + bottom, right_edge - left_edge, bottom - top]) / 2


def _extent(inside: Tensor) -> tuple[Tensor, Tensor]:
    """Return the outer edges, in [-1, 1], of what is inside along one axis `(n,)`; both ends if nothing is."""
    n, flags = inside.shape[0], inside.int()
    # The first of the largest: 0, and thereby the whole axis, where all are alike.
    first, last = flags.argmax(), n - flags.flip(0).argmax()
    return 2 * first / n - 1, 2 * last / n - 1


def draw_crops(batch: Batch, box: Tensor | None, crops: int, scales: tuple[float, float]) -> Tensor:
    """Draw boxes `(B, 3, K, 4)` inside a box, for reference, target and synthetic patches of each sample.

    Each side is a share U(scales) of the box's; a negative half width means that the patch is mirrored.

    Args:
        batch: its seeds decide.
        box: `(4,)`; None for the whole image.
        crops: K.
        scales: least and largest share.
    """
    draws = torch.stack(
        [torch.rand(3, crops, 5, generator=generator) for generator in batch.generators(_STREAM)]
    )
    draws = draws.to(batch.source.device)
    share = scales[0] + (scales[1] - scales[0]) * draws[..., :2]
    centre = (2 * draws[..., 2:4] - 1) * (1 - share)
    mirror = torch.where(draws[..., 4:] < 0.5, -1.0, 1.0)
    box = draws.new_tensor([0.0, 0.0, 1.0, 1.0]) if box is None else box.to(draws)
    half = share * torch.cat([mirror, torch.ones_like(mirror)], dim=-1)
    return torch.cat([box[:2] + box[2:] * centre, box[2:] * half], dim=-1)


def cut(images: Tensor, crops: Tensor, size: int) -> Tensor:
    """Cut patches and bring them to one size, bilinearly; differentiable.

    Args:
        images: `(B, C, H, W)`.
        crops: `(B, K, 4)` boxes.
        size: P.

    Returns:
        `(B, K, C, P, P)`, float32.
    """
    unit = (2 * torch.arange(size, device=images.device) + 1) / size - 1
    x = crops[..., 0, None] + crops[..., 2, None] * unit
    y = crops[..., 1, None] + crops[..., 3, None] * unit
    grid = torch.stack(
        [x[..., None, :].expand(-1, -1, size, -1), y[..., None].expand(-1, -1, -1, size)], dim=-1
    )
    # The K patches of an image lie one below the other.
    patches = F.grid_sample(
        images.float(), grid.flatten(1, 2), mode="bilinear", padding_mode="border", align_corners=False
    )
    samples, channels = images.shape[:2]
    return patches.view(samples, channels, crops.shape[1], size, size).transpose(1, 2)
