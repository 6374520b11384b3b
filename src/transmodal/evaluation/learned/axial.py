"""Axial slices of a volume for a network of images: upright, in three channels, scaled by the range."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from transmodal.evaluation.learned.base import Scale
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import reorient

Mask = NDArray[np.bool_]
_UPRIGHT = "LPS"
"""Columns run to the patient's left, rows to the back, as radiologists look at slices; the last axis is sliced."""


def slices(volume: Volume, scale: Scale, mask: Mask | None) -> Tensor:
    """Return upright axial slices `(K, 3, H, W)`, black at 0 and white at 1; black outside the mask.

    Args:
        volume: grey, repeated to three channels, or colour; however it lies.
        scale: of its values.
        mask: bool on the volume's grid; None leaves everything.
    """
    voxels = (volume.voxels.astype(np.float32) - scale.low) / scale.width
    if mask is not None:
        voxels *= mask if voxels.ndim == 3 else mask[..., None]
    turned = reorient(volume.with_voxels(voxels), _UPRIGHT).voxels
    planes = torch.from_numpy(np.ascontiguousarray(np.swapaxes(turned, 0, 2)))
    return planes.unsqueeze(1).expand(-1, 3, -1, -1) if planes.ndim == 3 else planes.movedim(-1, 1)


def mask_slices(mask: Mask, volume: Volume) -> Tensor:
    """Return a mask's upright axial slices, bool `(K, H, W)`; `volume` says how it lies."""
    turned = reorient(Volume(mask.astype(np.uint8), volume.affine), _UPRIGHT).voxels
    return torch.from_numpy(np.ascontiguousarray(np.swapaxes(turned, 0, 2)) > 0)


def as_labels(planes: NDArray[np.int64], volume: Volume) -> NDArray[np.int64]:
    """Put label maps of upright axial slices `(K, H, W)` back onto the volume's grid."""
    turned = reorient(Volume(np.empty(volume.grid.shape, np.uint8), volume.affine), _UPRIGHT)
    upright = Volume(np.ascontiguousarray(np.swapaxes(planes, 0, 2)), turned.affine)
    labels: NDArray[np.int64] = reorient(upright, volume.orientation).voxels
    return labels
