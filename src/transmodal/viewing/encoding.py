"""Volumes as NIfTI-1 that a page reads: a header of shape and place alone, so that nothing of the file's own comes out."""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.viewing.layers import Layer
from transmodal.volumes import Grid, Volume
from transmodal.volumes.geometry.reorient import resample, working_grid
from transmodal.volumes.volume import Voxels

HEADER_BYTES = 352
LARGEST_SIDE = 2048
"""Voxels along an axis that every WebGL 2 device can hold."""

_CODES = {"u1": 2, "i2": 4, "i4": 8, "f4": 16, "i1": 256, "u2": 512, "u4": 768}
_RGB = 128
_LEVELS = 32767


class _Stored(NamedTuple):
    """Voxels as they stand in the file, and the factor that makes values of them."""

    voxels: Voxels
    slope: float = 1.0


def encode(volume: Volume, *, is_rounded: bool = False) -> bytes:
    """Return a volume as an uncompressed NIfTI-1 file.

    Args:
        volume: grey, or colour of type uint8.
        is_rounded: whether floats may be rounded to 1/32767 of the largest, which compresses much better; 0 stays 0.
    """
    stored = _stored(volume, is_rounded=is_rounded)
    little = stored.voxels.astype(stored.voxels.dtype.newbyteorder("<"), copy=False)
    colour = volume.is_colour
    content = little.transpose(3, 0, 1, 2) if colour else little
    return _header(volume.grid, stored, is_colour=colour) + content.tobytes(order="F")


def coarsen(layer: Layer, factor: float) -> Layer:
    """Return a layer on a grid whose longer spacings are `factor` times coarser; itself where nothing changes.

    Args:
        layer: of any grid.
        factor: of the cube root of the number of voxels; 1 keeps the grid, but for sides beyond `LARGEST_SIDE`.
    """
    grid = layer.volume.grid
    longest = max(grid.shape) / LARGEST_SIDE
    if factor <= 1 and longest <= 1:
        return layer
    ras = working_grid(grid, None)
    # All axes go towards one spacing: thick slices are not thinned out before thin ones are.
    spacing = np.array(ras.spacing)
    coarser = np.maximum(spacing, _isotropic(spacing, max(factor, 1.0)))
    coarser = np.maximum(coarser, spacing * np.array(ras.shape) / LARGEST_SIDE)
    coarse = working_grid(grid, (float(coarser[0]), float(coarser[1]), float(coarser[2])))
    moved = resample(layer.volume, coarse)
    voxels = moved.voxels
    if np.issubdtype(layer.volume.voxels.dtype, np.integer):
        limits = np.iinfo(layer.volume.voxels.dtype)
        voxels = np.clip(np.rint(voxels), limits.min, limits.max).astype(layer.volume.voxels.dtype)
    return Layer(
        layer.name, moved.with_voxels(voxels), layer.modality, layer.role, layer.is_synthetic, grid.spacing
    )


def _isotropic(spacing: NDArray[np.float64], factor: float) -> float:
    """Return the one spacing that, as the least along every axis, takes `factor`**3 times fewer voxels."""
    low, high = float(spacing.min()), float(spacing.max()) * factor
    for _ in range(40):
        middle = (low + high) / 2
        if np.prod(np.maximum(spacing, middle) / spacing) < factor**3:
            low = middle
        else:
            high = middle
    return high


def _stored(volume: Volume, *, is_rounded: bool) -> _Stored:
    voxels = volume.voxels
    if voxels.dtype.kind == "f" and is_rounded:
        largest = float(np.abs(voxels).max())
        slope = largest / _LEVELS if largest > 0 else 1.0
        return _Stored(np.rint(voxels / slope).astype(np.int16), slope)
    return _Stored(voxels.astype(np.float32) if voxels.dtype.str[1:] not in _CODES else voxels)


def _header(grid: Grid, stored: _Stored, *, is_colour: bool) -> bytes:
    """Return 352 bytes: shape, type, slope and the affine as the sform."""
    code = _RGB if is_colour else _CODES[stored.voxels.dtype.str[1:]]
    bits = 24 if is_colour else stored.voxels.dtype.itemsize * 8
    header = bytearray(HEADER_BYTES)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *grid.shape, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, code, bits)
    struct.pack_into("<8f", header, 76, 1.0, *grid.spacing, 1.0, 1.0, 1.0, 1.0)
    struct.pack_into("<3f", header, 108, float(HEADER_BYTES), stored.slope, 0.0)
    header[123] = 2  # millimetres
    struct.pack_into("<2h", header, 252, 0, 2)
    struct.pack_into("<12f", header, 280, *grid.affine[:3].ravel())
    header[344:348] = b"n+1\0"
    return bytes(header)
