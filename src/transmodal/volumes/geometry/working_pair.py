"""The two sides of a registration on coarse working grids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError
from transmodal.volumes.geometry import itk, reorient
from transmodal.volumes.volume import Volume

Metric = Literal["correlation", "mutual_information"]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class WorkingPair:
    """Fixed and moving volume, the mask of the fixed one (1 inside), and the metric."""

    fixed: Volume
    moving: Volume
    mask: Volume
    metric: Metric

    @classmethod
    def of(cls, fixed: Volume, moving: Volume, mask: Mask | None, metric: Metric) -> WorkingPair:
        """Check two grey volumes and a mask of the fixed one, and pair them.

        Raises:
            InputError: E122 for colour, E112 for a sheared affine, E124 for a volume or mask without content.
        """
        for volume in (fixed, moving):
            _check(volume)
        counted = np.ones(fixed.voxels.shape, np.float32) if mask is None else mask.astype(np.float32)
        if not counted.any():
            raise InputError("E124", "an empty mask", "voxels to register by", "Leave the mask out.")
        return cls(fixed, moving, fixed.with_voxels(counted), metric)

    def at(self, spacing_mm: float) -> WorkingPair:
        """Return the pair on working grids of `spacing_mm` or the own spacing, if that is coarser."""
        fixed, moving, mask = (coarsen(v, spacing_mm) for v in (self.fixed, self.moving, self.mask))
        return WorkingPair(fixed, moving, mask, self.metric)

    def inside(self) -> Mask:
        """Return where the mask of the fixed volume counts."""
        return np.asarray(self.mask.voxels >= min(0.5, float(self.mask.voxels.max())))


def coarsen(volume: Volume, spacing_mm: float) -> Volume:
    """Return a grey volume, float32, on an RAS grid of `spacing_mm` or its own spacing, if that is coarser."""
    own = reorient.working_grid(volume.grid, None).spacing
    i, j, k = (max(spacing_mm, spacing) for spacing in own)
    real = volume.with_voxels(volume.voxels.astype(np.float32))
    return reorient.resample(real, reorient.working_grid(volume.grid, (i, j, k)))


def centre_of_mass(volume: Volume) -> NDArray[np.float64]:
    """Return the centre in RAS+ mm of what stands out of the background, robust to outliers."""
    low, high = np.percentile(volume.voxels, (1, 99))
    weight = np.clip(volume.voxels, low, high) - low
    total = max(float(weight.sum()), 1e-12)
    sums = (weight.sum(axis=tuple({0, 1, 2} - {axis})) for axis in range(3))
    return volume.grid.world(np.array([(s * np.arange(len(s))).sum() / total for s in sums]))


def _check(volume: Volume) -> None:
    itk.to_image(volume)  # says what is wrong with colour and shear
    if volume.voxels.min() == volume.voxels.max():
        constant = f"a volume that is {volume.voxels.flat[0]} everywhere"
        raise InputError("E124", constant, "contrast to register by", "Check the file.")
