"""Regions of a prepared case that were not prepared with it: computed when they are needed, and kept beside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.options import RegionKind
from transmodal.cohorts.store import PreparedCase
from transmodal.errors import InputError
from transmodal.storage.arrays import kept
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import resample, working_grid
from transmodal.volumes.regions.masks import find_region


def computed_region(
    case: PreparedCase, modality: str, kind: RegionKind, spacing_mm: float | None = None
) -> NDArray[np.bool_]:
    """Return a region of a modality: as prepared, else computed now and kept beside the cohort.

    Args:
        case: prepared.
        modality: in which it lies; colour is looked at as the mean of its channels.
        kind: what it covers.
        spacing_mm: of the working grid; None: as prepared.

    Raises:
        InputError: E131 when the case lacks the modality, E124 and E112 when nothing is found.
    """
    is_prepared = any((entry.modality, entry.kind) == (modality, kind) for entry in case.entry.regions)
    if is_prepared or kind == "whole":
        return case.region(modality, kind, spacing_mm)
    flags = _map_or_compute(case, modality, kind)
    grid = working_grid(case.grid, spacing_mm)
    if grid != case.grid:
        flags = resample(Volume(flags, case.grid.affine), grid, how="nearest").voxels
    inside: NDArray[np.bool_] = flags.view(np.bool_)
    return inside


def _map_or_compute(case: PreparedCase, modality: str, kind: RegionKind) -> NDArray[np.uint8]:
    volume = case.volume(modality)
    digest = case.entry.volumes[modality].sha256[:32]
    place = case.folder / "working" / "regions-1" / case.id / f"{digest}-{kind}.npy"
    return kept.find_or_make_array(
        place, case.grid.shape, np.dtype(np.uint8), lambda: _compute(volume, f"{kind} of {modality}", kind)
    )


def _compute(volume: Volume, name: str, kind: RegionKind) -> NDArray[np.uint8]:
    """Return where a region is, 0 and 1.

    Raises:
        InputError: E112 when nothing is found, E124 when it is empty; `name` says which in the message.
    """
    grey = volume.voxels.mean(axis=-1, dtype=np.float32) if volume.is_colour else volume.voxels
    flags: NDArray[np.uint8] = find_region(Volume(grey, volume.affine), kind).mask.astype(np.uint8)
    if not flags.any():
        raise InputError("E124", f"an empty {name}", "a region with voxels", "Look at the image.")
    return flags
