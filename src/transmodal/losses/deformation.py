"""How rough a deformation is."""

from __future__ import annotations

import torch
from torch import Tensor

from transmodal.precision import in_full_precision


@in_full_precision
def roughness(displacement: Tensor) -> Tensor:
    """Return the mean squared difference between neighbouring voxels' displacements; 0 for a translation.

    Args:
        displacement: `(B, N, *S)` in voxels.
    """
    steps = [torch.diff(displacement, dim=axis) for axis in range(2, displacement.ndim)]
    squares = [(step**2).mean() for step in steps if step.numel() > 0]
    return torch.stack(squares).mean() if squares else displacement.sum() * 0
