"""A predicted volume read onto the grid of its case: as it is, resampled, or by its shape alone where its place is lost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.store import PreparedCase
from transmodal.errors import InputError, TransmodalError
from transmodal.volumes import Grid, Volume, io
from transmodal.volumes.geometry.reorient import reorient, resample
from transmodal.volumes.reading import STRICT, Reading

Corners = NDArray[np.float64]
Placing = Literal["same grid", "resampled", "shape trusted"]
_RESAMPLE_MM = 2.0
"""Two fields of view are one physical space where what they share is all but this of the target's, at every side."""


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """The user's word on volumes that do not lie on their target's grid, or are in another unit.

    Attributes:
        resamples: bring volumes of another grid onto the target's, linearly; the protocol says so.
        trusts_shape: take a volume without a place of its own as lying voxel upon voxel on the target's file.
        trusts_values: take values as they are, whatever unit they seem to be in.
        slope: values are multiplied by it.
        intercept: and this is added.
        fits: take for both the line that fits all of a folder's volumes to their targets best, which uses the answers;
            the protocol says so.
        reading: for files that leave something open.
    """

    resamples: bool = False
    trusts_shape: bool = False
    trusts_values: bool = False
    slope: float = 1.0
    intercept: float = 0.0
    fits: bool = False
    reading: Reading = STRICT


class PlacedVolume(NamedTuple):
    """A predicted volume on its target's canonical grid, and how it came there."""

    volume: Volume
    placing: Placing


def read_placed(
    path: Path, case: PreparedCase, target: str, options: ReadingOptions, label: str
) -> PlacedVolume:
    """Read a predicted volume onto the canonical grid of its case.

    Args:
        path: file, or folder of a DICOM series.
        case: whose target it is compared with.
        target: modality of the target.
        options: the user's word.
        label: whose volume of which case, for errors.

    Raises:
        InputError: E111 for a volume without a place of its own, E122 for colour beside grey, E130 for another grid,
            E121 for several volumes in one file, E120 for values that are not finite, and as `volumes.io.read`.
    """
    volume = _read(path, options, label)
    is_colour = len(case.entry.volumes[target].shape) == 4
    volume = volume if is_colour else volume.in_grey()
    if volume.is_colour != is_colour:
        kinds = ("colour", "grey") if volume.is_colour else ("grey", "colour")
        raise InputError(
            "E122",
            f"{label}, in {kinds[0]}",
            f"{kinds[1]}, as {target} is",
            "Give the tool's volume, not a picture of it.",
        )
    placed = _place(volume, case.native_grid(target), case.grid, options, label)
    values = placed.volume.voxels
    if (options.slope, options.intercept) != (1.0, 0.0):
        scaled = values.astype(np.float64) * options.slope + options.intercept
        values = scaled.astype(np.float32)
    return placed._replace(volume=Volume(values, case.grid.affine))


def _read(path: Path, options: ReadingOptions, label: str) -> Volume:
    """Read a file; where its shape is trusted it need not say how it lies."""
    try:
        return io.read_fitted(path, options.reading)
    except InputError as error:
        if error.code == "E111" and options.trusts_shape:
            return io.read_fitted(path, replace(options.reading, assume_orientation="RAS"))
        raise _labelled(error, label) from error


def _labelled(error: InputError, label: str) -> TransmodalError:
    """Return the reader's error with whose volume it is, and with a remedy that evaluations have."""
    remedy = error.remedy
    if error.code == "E111":
        remedy += " Or take its voxels as lying upon the target's, which the record then says: --trust-shape."
    return InputError(error.code, f"{label}: {error.got}", error.expected, remedy)


def _place(
    volume: Volume, native: Grid, canonical: Grid, options: ReadingOptions, label: str
) -> PlacedVolume:
    own = reorient(volume)
    if own.grid.same_as(canonical):
        return PlacedVolume(own, "same grid")
    if is_placeless(volume.grid):
        return _by_shape(volume, native, canonical, options, label)
    if not covers(own.grid, canonical):
        raise InputError(
            "E130",
            f"{label}, whose field of view is not that of its target (shape {own.grid.shape} beside {canonical.shape})",
            "a volume of the target's place in space",
            "Check that the file is of this case, and let the tool write it with its source's header.",
        )
    if options.resamples:
        return PlacedVolume(resample(own, canonical, fill=float(own.voxels.min())), "resampled")
    raise InputError(
        "E130",
        f"{label} on another grid than its target (shape {own.grid.shape} at {_millimetres(own.grid)} mm beside "
        f"{canonical.shape} at {_millimetres(canonical)} mm)",
        "the target's grid",
        "Let the tool write volumes on that grid, or have them brought onto it, which the protocol then says: --resample.",
    )


def _by_shape(
    volume: Volume, native: Grid, canonical: Grid, options: ReadingOptions, label: str
) -> PlacedVolume:
    """Take a volume without a place as lying voxel upon voxel on the file of its target."""
    if volume.grid.shape != native.shape:
        raise InputError(
            "E130",
            f"{label} without a place in space (an identity for its affine), of shape {volume.grid.shape}",
            f"the target's affine, or at least its file's shape {native.shape}",
            "Let the tool write it with its source's header.",
        )
    if not options.trusts_shape:
        raise InputError(
            "E111",
            f"{label} without a place in space: its affine is an identity, its target's is not",
            "the target's affine",
            "Let the tool write it with its source's header, or take its voxels as lying upon those of the target's "
            "file, which the record then says: --trust-shape.",
        )
    placed = reorient(Volume(volume.voxels, native.affine))
    if not placed.grid.same_as(canonical):
        raise InputError(
            "E130",
            f"{label} without a place in space, where the cohort's preparation brought the target onto another grid",
            "the affine of the prepared target",
            "Let the tool write it with its source's header.",
        )
    return PlacedVolume(Volume(placed.voxels, canonical.affine), "shape trusted")


def is_placeless(grid: Grid) -> bool:
    """Return whether an affine is what programs write that lost it: 1 mm, the origin at 0, axes along the world's."""
    return bool(np.allclose(np.abs(grid.affine), np.eye(4), atol=1e-6))


def covers(own: Grid, target: Grid) -> bool:
    """Return whether a grid's field of view holds the target's, but for a rim of one voxel of the coarser of both."""
    rim = np.maximum(np.max([own.spacing, target.spacing], axis=0), _RESAMPLE_MM)
    (low, high), (target_low, target_high) = (_extent(own), _extent(target))
    return bool((low <= target_low + rim).all() and (high >= target_high - rim).all())


def _extent(grid: Grid) -> tuple[Corners, Corners]:
    corners = grid.corners()
    return corners.min(axis=0), corners.max(axis=0)


def _millimetres(grid: Grid) -> str:
    return " x ".join(f"{mm:.3g}" for mm in grid.spacing)
