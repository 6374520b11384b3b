"""Defects that real releases have, put into the volumes of one subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Literal, get_args

import numpy as np
from scipy.spatial.transform import Rotation

from transmodal.cohorts.simulation.release.saving import Files
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import reorient

Defect = Literal["missing", "axis-order", "oblique", "unregistered", "wrong-name"]
DEFECTS: tuple[Defect, ...] = get_args(Defect)
"""A file is missing; one has another axis order, which is no fault; all lie obliquely, which is none either; one
has moved against the others by 8 mm and 5 degrees; one has a name that no release has."""


def add_defects(volumes: Files, defects: Sequence[Defect]) -> Files:
    """Return a subject's files with defects in them."""
    for defect in defects:
        volumes = _WITH_DEFECT[defect](volumes)
    return volumes


def move(volume: Volume, shift_mm: Sequence[float], degrees: Sequence[float]) -> Volume:
    """Turn a volume about its middle and shift it: its header says so, as a scanner's would; no voxel changes."""
    middle = volume.grid.world((np.array(volume.grid.shape) - 1) / 2)
    turn = _turn(degrees)
    turn[:3, 3] = middle + np.array(shift_mm) - turn[:3, :3] @ middle
    return Volume(volume.voxels, turn @ volume.affine)


def _turn(degrees: Sequence[float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    return matrix


def _missing(volumes: Files) -> Files:
    return dict(list(volumes.items())[1:])


def _axis_order(volumes: Files) -> Files:
    first = next(iter(volumes))
    return {**volumes, first: reorient(volumes[first], "IPL")}


def _oblique(volumes: Files) -> Files:
    turn = _turn((7.0, -4.0, 12.0))
    return {path: Volume(volume.voxels, turn @ volume.affine) for path, volume in volumes.items()}


def _unregistered(volumes: Files) -> Files:
    first = next(iter(volumes))
    return {**volumes, first: move(volumes[first], (8.0, 0.0, 0.0), (0.0, 0.0, 5.0))}


def _wrong_name(volumes: Files) -> Files:
    first = PurePosixPath(next(iter(volumes)))
    return {str(first.with_name(f"copy of {first.name}")): volumes[str(first)], **_missing(volumes)}


_WITH_DEFECT: Mapping[Defect, Callable[[Files], Files]] = {
    "missing": _missing,
    "axis-order": _axis_order,
    "oblique": _oblique,
    "unregistered": _unregistered,
    "wrong-name": _wrong_name,
}
