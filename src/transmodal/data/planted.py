"""Planted misalignment: a case's arrays as they lie where one modality was moved against the others."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.recipes.misalignment_schema import PlantedMisalignment
from transmodal.volumes import Grid, Volume
from transmodal.volumes.geometry.moves import Array, kinds, warp, warp_labels


class PlantedMove:
    """The move of one case, the same whenever it is asked for.

    Args:
        misalignment: what the recipe plants.
        case: id of the case.
    """

    def __init__(self, misalignment: PlantedMisalignment, case: str) -> None:
        self._misalignment, self._case = misalignment, case

    @property
    def modality(self) -> str:
        """The modality that is moved."""
        return self._misalignment.modality

    def field(self, grid: Grid) -> Array:
        """Return where the moved volume is sampled on a grid, `(3, I, J, K)` in voxels beside each voxel."""
        kind = next(kind for kind in kinds() if kind.name == self._misalignment.kind)
        draw = np.random.default_rng([self._misalignment.seed, zlib.crc32(self._case.encode())])
        return kind.make(self._misalignment.step, grid, draw).outward

    def of(self, volume: Volume) -> Volume:
        """Return a moved volume, float32."""
        return warp(volume, self.field(volume.grid))

    def of_labels(self, labels: NDArray[Any], grid: Grid) -> NDArray[Any]:
        """Return moved labels or a moved mask, of the kind that they were; 0 comes in from outside."""
        return warp_labels(labels, self.field(grid))
