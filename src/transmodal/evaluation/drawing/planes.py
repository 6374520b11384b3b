"""Planes through a volume as they are shown, side by side, and the outline of a mask on them.

Display is radiological: the patient's right is on the left of axial and coronal planes, anterior is up in
axial and to the left in sagittal planes. Only what is shown is resampled, to square pixels; figures never are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from transmodal.volumes import Grid, Volume
from transmodal.volumes.geometry.reorient import reorient

Strip = NDArray[np.float32]
Mask = NDArray[np.bool_]

PLANES = ("axial", "coronal", "sagittal")
MARGIN_MM = 6.0
GAP = 8  # pixels between planes
FINEST_MM = 1.0  # finer voxels are shown at this size
_SIDES = {"axial": ("R", "L"), "coronal": ("R", "L"), "sagittal": ("A", "P")}
_ACROSS = {"axial": (1, 0, 2), "coronal": (2, 0, 1), "sagittal": (2, 1, 0)}  # rows, columns, cut axis


class Letter(NamedTuple):
    """A side's letter and the edge of the plane that it marks, as a share of the strip's width."""

    text: str
    edge: float


@dataclass(frozen=True, slots=True)
class Frame:
    """The shown part of a canonical (RAS) grid: three planes and a box around the content.

    Attributes:
        centre: voxel that the planes run through.
        box: first and last voxel shown, per axis.
        spacing: of the grid, mm.
        pixel_mm: size of a shown pixel.
    """

    centre: tuple[int, int, int]
    box: tuple[tuple[int, int], ...]
    spacing: tuple[float, float, float]
    pixel_mm: float

    @classmethod
    def of(cls, grid: Grid, content: Mask | None) -> Frame:
        """Frame the content, or the whole grid where there is none."""
        filled = content if content is not None and content.any() else np.ones(grid.shape, bool)
        centre, box = [], []
        for axis, n in enumerate(grid.shape):
            counts = filled.sum(
                axis=tuple(other_axis for other_axis in range(3) if other_axis != axis), dtype=float
            )
            inside = np.flatnonzero(counts)
            margin = math.ceil(MARGIN_MM / grid.spacing[axis])
            centre.append(round(float((counts * np.arange(n)).sum() / counts.sum())))
            box.append((max(0, int(inside[0]) - margin), min(n - 1, int(inside[-1]) + margin)))
        return cls(
            (centre[0], centre[1], centre[2]), tuple(box), grid.spacing, max(FINEST_MM, min(grid.spacing))
        )

    def plane(self, voxels: NDArray[Any], name: str) -> Strip:
        """Return one plane as shown: `(rows, columns)`, with a last axis of 3 in colour."""
        cut = _ACROSS[name][2]
        place: list[Any] = [slice(first, last + 1) for first, last in self.box]
        place[cut] = self.centre[cut]
        pixels = voxels[tuple(place)].swapaxes(0, 1)[::-1, ::-1]
        return _resized(pixels.astype(np.float32), self.size(name))

    def size(self, name: str) -> tuple[int, int]:
        """Return the pixels of a plane: rows and columns."""
        rows, columns = (
            max(1, round((self.box[axis][1] - self.box[axis][0] + 1) * self.spacing[axis] / self.pixel_mm))
            for axis in _ACROSS[name][:2]
        )
        return rows, columns

    def strip(self, voxels: NDArray[Any]) -> Strip:
        """Return the three planes side by side; NaN between them."""
        planes = [self.plane(voxels, name) for name in PLANES]
        height = max(len(plane) for plane in planes)
        width = sum(plane.shape[1] for plane in planes) + GAP * (len(planes) - 1)
        strip = np.full((height, width, *planes[0].shape[2:]), np.nan, np.float32)
        x = 0
        for plane in planes:
            top = (height - len(plane)) // 2
            strip[top : top + len(plane), x : x + plane.shape[1]] = plane
            x += plane.shape[1] + GAP
        return strip

    def letters(self) -> list[Letter]:
        """Return the letters of the strip: which side of the patient each plane's edges are."""
        widths = [self.size(name)[1] for name in PLANES]
        total = sum(widths) + GAP * (len(widths) - 1)
        letters, x = [], 0
        for name, width in zip(PLANES, widths, strict=True):
            first, last = _SIDES[name]
            letters += [Letter(first, x / total), Letter(last, (x + width) / total)]
            x += width + GAP
        return letters


def canonical(volume: Volume) -> Volume:
    """Return the volume in RAS orientation, which frames are made for."""
    return volume if volume.orientation == "RAS" else reorient(volume)


def outline(strip: Strip) -> list[tuple[float, float, float, float]]:
    """Return the border of a mask's strip as segments x1, y1, x2, y2, in pixels from the top left corner.

    Marching squares at one half, on the mask slightly smoothed.
    """
    field = np.pad(ndimage.gaussian_filter(np.nan_to_num(strip), 0.6), 1)
    corners = [field[:-1, :-1], field[:-1, 1:], field[1:, 1:], field[1:, :-1]]
    code = np.sum([(corner > 0.5).astype(int) << n for n, corner in enumerate(corners)], axis=0)
    segments = []
    for bits, sides in _SQUARES.items():
        rows, columns = np.nonzero(code == bits)
        values = [corner[rows, columns] for corner in corners]
        for start, end in sides:
            x1, y1 = _crossing(start, values)
            x2, y2 = _crossing(end, values)
            parts = (columns + x1, rows + y1, columns + x2, rows + y2)
            segments += [tuple(float(v) - 0.5 for v in four) for four in zip(*parts, strict=True)]
    return [(a, b, c, d) for a, b, c, d in segments]


# Sides of a square that the border crosses, by which corners lie inside (bit n: corner n, clockwise from
# the top left): side n joins corner n to corner n + 1.
_SQUARES: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((3, 0),), 2: ((0, 1),), 3: ((3, 1),), 4: ((1, 2),), 5: ((3, 0), (1, 2)), 6: ((0, 2),), 7: ((3, 2),),
    8: ((2, 3),), 9: ((2, 0),), 10: ((0, 1), (2, 3)), 11: ((2, 1),), 12: ((1, 3),), 13: ((1, 0),), 14: ((0, 3),),
}  # fmt: skip
_AT = ((0, 0), (1, 0), (1, 1), (0, 1))


def _crossing(side: int, values: list[NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return where the field crosses one half on a side, x and y from the square's top left corner."""
    a, b = values[side], values[(side + 1) % 4]
    share = (0.5 - a) / (b - a)
    (xa, ya), (xb, yb) = _AT[side], _AT[(side + 1) % 4]
    return xa + share * (xb - xa), ya + share * (yb - ya)


def _resized(plane: Strip, size: tuple[int, int]) -> Strip:
    if plane.shape[:2] == size:
        return plane
    channels = plane[..., None] if plane.ndim == 2 else plane
    rows, columns = size
    bands = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(channels[..., n])).resize(
                (columns, rows), Image.Resampling.BILINEAR
            )
        )
        for n in range(channels.shape[2])
    ]
    stacked = np.stack(bands, axis=-1)
    return stacked[..., 0] if plane.ndim == 2 else stacked
