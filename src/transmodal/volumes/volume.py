"""Volume and Grid: voxels and the affine that places them in RAS+ millimetres."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError

TOLERANCE_MM = 1e-3
"""Two grids are the same where no corner lies further apart than this."""

_LAST = np.array([0.0, 0.0, 0.0, 1.0])
_FURTHEST_MM = 1e9
"""A thousand kilometres: what lies further away is no place, and its squares lead beyond what floats hold."""
_NEARLY = np.array([1e-8, 1e-8, 1e-8, 1e-5])

Space = Literal["", "talairach", "mni"]
Voxels = NDArray[Any]
Affine = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Shape and affine: where each voxel centre lies, in RAS+ mm.

    Attributes:
        shape: `(I, J, K)`.
        affine: `4 x 4`, float64, read-only; maps voxel indices to RAS+ mm.

    Raises:
        InputError: E112 when the affine is singular or not finite, E124 when an axis is empty.
    """

    shape: tuple[int, int, int]
    affine: Affine

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        if len(shape) != 3 or min(shape) < 1:
            raise InputError(
                "E124", f"a grid of shape {shape}", "three axes of one voxel or more", "Check the file."
            )
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "affine", _checked_affine(self.affine))

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres per voxel along the axes i, j, k."""
        i, j, k = np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))
        return float(i), float(j), float(k)

    @property
    def orientation(self) -> str:
        """Directions that i, j, k run to, such as `RAS` or `LPI`."""
        return "".join(nib.orientations.aff2axcodes(self.affine))

    @property
    def origin(self) -> tuple[float, float, float]:
        """World position of voxel (0, 0, 0) in mm."""
        x, y, z = self.affine[:3, 3]
        return float(x), float(y), float(z)

    @property
    def is_sheared(self) -> bool:
        """Whether the axes are not at right angles."""
        directions = self.affine[:3, :3] / np.array(self.spacing)
        return bool(np.abs(directions.T @ directions - np.eye(3)).max() > 1e-4)

    def world(self, voxel: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Map voxel indices `(..., 3)` to RAS+ mm `(..., 3)`."""
        moved: NDArray[np.float64] = np.asarray(voxel, float) @ self.affine[:3, :3].T + self.affine[:3, 3]
        return moved

    def voxel(self, world: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Map RAS+ mm `(..., 3)` to voxel indices `(..., 3)`, not rounded."""
        inverse = np.linalg.inv(self.affine)
        moved: NDArray[np.float64] = np.asarray(world, float) @ inverse[:3, :3].T + inverse[:3, 3]
        return moved

    def corners(self) -> NDArray[np.float64]:
        """Return the centres of the eight corner voxels, `(8, 3)` in mm."""
        ends = [(0, n - 1) for n in self.shape]
        return self.world(np.array(list(product(*ends)), dtype=float))

    def same_as(self, second: Grid, tolerance_mm: float = TOLERANCE_MM) -> bool:
        """Return whether both grids have one shape and corners within `tolerance_mm`."""
        if self.shape != second.shape:
            return False
        return bool(np.abs(self.corners() - second.corners()).max() <= tolerance_mm)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Grid)
            and self.shape == other.shape
            and np.array_equal(self.affine, other.affine)
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.affine.tobytes()))


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """Voxels and their affine; grey `(I, J, K)` or colour `(I, J, K, 3)`.

    Attributes:
        voxels: real-world values (HU, FA, scanner units); colour is uint8 sRGB.
        affine: `4 x 4`, float64, read-only; voxel to RAS+ mm.
        space: the atlas whose coordinates these are, `talairach` or `mni`; empty for a scanner's or another
            image's.

    Raises:
        InputError: E121 when the voxels are neither grey nor colour, and as `Grid`.
    """

    voxels: Voxels
    affine: Affine
    space: Space = ""

    def __post_init__(self) -> None:
        shape = self.voxels.shape
        if not (len(shape) == 3 or (len(shape) == 4 and shape[3] == 3)):
            raise InputError(
                "E121",
                f"voxels of shape {shape}",
                "one volume: (I, J, K), or (I, J, K, 3) for colour",
                "Choose one frame of the series.",
            )
        object.__setattr__(self, "affine", Grid((shape[0], shape[1], shape[2]), self.affine).affine)

    @property
    def grid(self) -> Grid:
        """Shape and affine of this volume."""
        i, j, k = self.voxels.shape[:3]
        return Grid((i, j, k), self.affine)

    @property
    def is_colour(self) -> bool:
        """Whether there are three channels."""
        return self.voxels.ndim == 4

    @property
    def n_channels(self) -> int:
        """1 for grey, 3 for colour."""
        return 3 if self.is_colour else 1

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres per voxel along the axes i, j, k."""
        return self.grid.spacing

    @property
    def orientation(self) -> str:
        """Directions that i, j, k run to, such as `RAS`."""
        return self.grid.orientation

    def in_grey(self) -> Volume:
        """Return one channel where all three are equal, which is grey stored as RGB; any other volume as it is."""
        red, *further = (self.voxels[..., n] for n in range(3)) if self.is_colour else (None,)
        if red is None or not all(np.array_equal(red, channel) for channel in further):
            return self
        return self.with_voxels(np.ascontiguousarray(red))

    def with_voxels(self, voxels: Voxels) -> Volume:
        """Return other voxels at the same place; the spatial shape must be the same."""
        if voxels.shape[:3] != self.voxels.shape[:3]:
            raise InputError(
                "E130",
                f"voxels of shape {voxels.shape}",
                f"the grid's shape {self.voxels.shape[:3]}",
                "Resample onto the grid first.",
            )
        return Volume(voxels, self.affine, self.space)


def _checked_affine(affine: Affine) -> Affine:
    matrix = np.array(affine, dtype=np.float64)
    usable = matrix.shape == (4, 4) and bool((np.abs(matrix) <= _FURTHEST_MM).all())  # no NaN either
    if not usable or abs(np.linalg.det(matrix[:3, :3])) < 1e-9 or (np.abs(matrix[3] - _LAST) > _NEARLY).any():
        raise InputError(
            "E112",
            f"the affine {matrix.tolist()}",
            "a finite, invertible 4 x 4 matrix, with nothing in it beyond 1e9 mm",
            "Repair the header or export the image again.",
        )
    matrix.setflags(write=False)
    return matrix
