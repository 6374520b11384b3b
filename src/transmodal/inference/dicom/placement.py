"""A translation on another grid than its source's: resampled once, and what of the body the field of view cuts off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError
from transmodal.inference.translation import Translation
from transmodal.modalities import modality_of
from transmodal.volumes import Grid, Volume
from transmodal.volumes.geometry.reorient import resample

BODY_HU = -400.0
"""What is denser is body, and no air."""
_TOUCHING = 0.01
"""Share of a side of the field of view from which on the body counts as cut off there."""
_SIDES = {"R": "right", "L": "left", "A": "front", "P": "back", "S": "head", "I": "feet"}


def place(translation: Translation, grid: Grid) -> Translation:
    """Return a translation on a grid; what lies outside the source's field of view has the modality's value of nothing.

    The record says the grid, the share of it that the source covers and, of HU, the sides on which the body is cut off.

    Args:
        translation: on its source's grid.
        grid: where to.

    Raises:
        InputError: E130 for a grid of which the source covers nothing.
        ResourceError: E401 for a grid beyond the budget.
    """
    target = str(translation.record["target"])
    source, background = translation.volume, modality_of(target).background
    resampled = resample(source, grid, fill=background)
    volume = replace(resampled, voxels=_as_type(resampled.voxels, source.voxels.dtype))
    inside = resample(Volume(np.ones(source.grid.shape, np.uint8), source.affine), grid, how="nearest")
    covered = float(inside.voxels.mean())
    if covered == 0:
        raise InputError(
            "E130",
            "a source that lies wholly outside the grid to write it onto",
            "a source in the coordinates of that grid",
            "Register the source to the image of that grid, and translate the registered image.",
        )
    sides = cut_sides(source) if modality_of(target).unit == "HU" else None
    record: dict[str, Any] = {
        **translation.record,
        "output_grid": {"shape": list(grid.shape), "affine": grid.affine.tolist()},
        "field_of_view": {
            "extent_mm": [round(n * step, 3) for n, step in zip(grid.shape, grid.spacing, strict=True)],
            "covered": round(covered, 6),
            **({} if sides is None else {"body_cut_off": sides}),
        },
        "notes": [*translation.record["notes"], *_notes(grid, covered, background, sides)],
    }
    region = translation.region
    region = None if region is None else resample(region, grid, how="nearest")
    return Translation(volume, None, record, region)


def cut_sides(volume: Volume) -> list[str]:
    """Return the sides on which the body reaches the edge of a volume of HU, in words such as `head`."""
    sides = []
    for axis, letter in enumerate(volume.orientation):
        for end, name in ((-1, letter), (0, _opposite(letter))):
            face = np.take(volume.voxels, end, axis=axis)
            if float((face > BODY_HU).mean()) > _TOUCHING:
                sides.append(_SIDES[name])
    return sorted(sides)


def _opposite(letter: str) -> str:
    pair = next(pair for pair in ("RL", "AP", "SI") if letter in pair)
    return pair.replace(letter, "")


def _as_type(voxels: NDArray[Any], kind: np.dtype[Any]) -> NDArray[Any]:
    if kind.kind == "f" or voxels.dtype == kind:
        return voxels.astype(kind)
    ends = np.iinfo(kind)
    rounded: NDArray[Any] = np.clip(np.rint(voxels), ends.min, ends.max).astype(kind)
    return rounded


def _notes(grid: Grid, covered: float, background: float, sides: list[str] | None) -> list[str]:
    shape, spacing = (" x ".join(f"{value:.4g}" for value in values) for values in (grid.shape, grid.spacing))
    notes = [f"resampled from the source's grid onto {shape} voxels of {spacing} mm"]
    if covered < 1:
        notes.append(
            f"{1 - covered:.1%} of the grid lie outside the source's field of view: {background:g} there"
        )
    if sides:
        notes.append(f"the body is cut off by the field of view: {', '.join(sides)}")
    return notes
