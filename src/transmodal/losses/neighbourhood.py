"""Structure told by self-similarity: MIND, the modality independent neighbourhood descriptor.

Heinrich et al., MIND: Modality independent neighbourhood descriptor for multi-modal deformable registration, Medical Image
Analysis 2012. A voxel is described by how much the patch around it is like the patches beside it; the descriptor is the
same for any linear map of the intensities, brighter for darker included.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from transmodal.precision import in_full_precision

_LEAST = 0.1
"""Share of an image's mean local variance that every voxel has at the least: where nothing is, noise is no structure."""


@in_full_precision
def mind(image: Tensor, radius: int = 1) -> Tensor:
    """Return the descriptor `(B, 2 N, *S)` in (0, 1] of N spatial dimensions: eq. 1 and 4 with the nearest neighbours.

    The distance of two patches is the mean of their squared differences, the variance its mean over the neighbours, and
    the largest entry of every voxel is 1.

    Args:
        image: `(B, 1, *S)`, in two or three dimensions.
        radius: of a patch, in voxels; a patch has sides of `2 radius + 1`.
    """
    distances = torch.cat([_patch_mean((image - moved) ** 2, radius) for moved in _neighbours(image)], dim=1)
    variance = distances.mean(dim=1, keepdim=True)
    least = _LEAST * variance.mean(dim=tuple(range(1, image.ndim)), keepdim=True).detach()
    alike = torch.exp(-distances / (torch.maximum(variance, least) + 1e-9))
    return alike / alike.amax(dim=1, keepdim=True)


@in_full_precision
def structure_distance(
    synthetic: Tensor, sources: Sequence[Tensor], available: Tensor, radius: int = 1
) -> Tensor:
    """Return the mean absolute difference between a synthetic image's descriptor and those of its sources.

    Args:
        synthetic: `(B, T, *S)`; its channels are averaged.
        sources: of each modality `(B, C, *S)`; likewise.
        available: `(B, n_modalities)`, 1 or 0: what is missing is not compared.
        radius: of a patch, in voxels.
    """
    own = mind(synthetic.mean(dim=1, keepdim=True), radius)
    per_source = [
        (own - mind(source.mean(dim=1, keepdim=True), radius)).abs().flatten(1).mean(dim=1)
        for source in sources
    ]
    distances = torch.stack(per_source, dim=1) * available
    return (distances.sum(dim=1) / available.sum(dim=1).clamp(min=1)).mean()


def _neighbours(image: Tensor) -> Iterator[Tensor]:
    """Yield an image moved by one voxel either way along every axis; at the rim it stays as it is."""
    for axis in range(2, image.ndim):
        side = image.shape[axis]
        inner = image.narrow(axis, 0, side - 1), image.narrow(axis, 1, side - 1)
        yield torch.cat([image.narrow(axis, 0, 1), inner[0]], dim=axis)
        yield torch.cat([inner[1], image.narrow(axis, side - 1, 1)], dim=axis)


def _patch_mean(values: Tensor, radius: int) -> Tensor:
    """Return the mean over the patch around every voxel, as far as it lies within the image."""
    pool = F.avg_pool3d if values.ndim == 5 else F.avg_pool2d
    out: Tensor = pool(values, 2 * radius + 1, 1, radius, count_include_pad=False)
    return out
