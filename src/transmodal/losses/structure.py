"""Structural similarity as a loss."""

from __future__ import annotations

import torch
from torch import Tensor

from transmodal.precision import in_full_precision


@in_full_precision
def ssim_loss(
    synthetic: Tensor, target: Tensor, data_range: float, *, taps: int = 11, sigma: float = 1.5
) -> Tensor:
    """Return 1 - SSIM, averaged over the valid interior of every sample and channel.

    Wang et al. 2004 with a Gaussian window, K = (0.01, 0.03) and population statistics. Sides shorter
    than the window get the largest odd window that fits. Computed in float32.

    Args:
        synthetic: `(B, C, *S)`; for a figure 0 has to be nothing, for a loss [-1, 1] does as well.
        target: `(B, C, *S)`.
        data_range: width of the value range, such as 2 for [-1, 1].
        taps: window length.
        sigma: of the Gaussian, in voxels.
    """
    x, y = synthetic, target
    fitting = min(taps, *(side - 1 + side % 2 for side in x.shape[2:]))
    window = _gaussian(fitting, sigma, x.device)
    # One pass over stacked moments: five filters cost as one with five times the channels.
    moments = _filtered(torch.cat([x, y, x * x, y * y, x * y], dim=1), window)
    mx, my, xx, yy, xy = moments.chunk(5, dim=1)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    vx, vy, cov = xx - mx * mx, yy - my * my, xy - mx * my
    similarity = ((2 * mx * my + c1) * (2 * cov + c2)) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return 1 - similarity.mean()


def _gaussian(taps: int, sigma: float, device: torch.device) -> Tensor:
    offsets = torch.arange(taps, dtype=torch.float32, device=device) - (taps - 1) / 2
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    return weights / weights.sum()


def _filtered(values: Tensor, window: Tensor) -> Tensor:
    """Filter along each spatial axis by a banded matrix: on a CPU faster than a convolution of one channel."""
    for axis in range(2, values.ndim):
        side = values.shape[axis]
        out = side - window.numel() + 1
        rows = torch.arange(out, device=values.device)[:, None]
        columns = rows + torch.arange(window.numel(), device=values.device)[None]
        band = torch.zeros(out, side, device=values.device)
        band[rows, columns] = window
        values = torch.movedim(torch.movedim(values, axis, -1) @ band.T, -1, axis)
    return values
