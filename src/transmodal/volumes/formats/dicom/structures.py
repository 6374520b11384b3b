"""RT Structure Sets: the contours of each region of interest, filled on a grid as a mask."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pydicom
from numpy.typing import NDArray

from transmodal.errors import InputError
from transmodal.storage import listing
from transmodal.volumes.formats.dicom.headers import Bystander, claims_dicom, read_headers, read_whole
from transmodal.volumes.formats.dicom.privacy import guarded, mask_identity
from transmodal.volumes.formats.dicom.slice_header import Slice
from transmodal.volumes.geometry.planning.polygons import fill_polygons
from transmodal.volumes.volume import Grid

KIND = "RTSTRUCT"
"""DICOM's Modality of structure sets."""
_FLAT_MM = 0.1
"""Contours whose points lie further than this from one plane of the grid's slices are not of them."""
_CLOSED = "CLOSED_PLANAR"


class Structure(NamedTuple):
    """A region of interest.

    Attributes:
        name: ROIName, without words of the patient.
        contours: closed and planar, `(N, 3)` each, in RAS+ mm.
    """

    name: str
    contours: tuple[NDArray[np.float64], ...]


class StructureSet(NamedTuple):
    """The regions of interest of a structure set.

    Attributes:
        frame: FrameOfReferenceUID that the contours lie in; empty where none is said.
        structures: those with closed contours, in the order of the set.
    """

    frame: str
    structures: tuple[Structure, ...]


def find(path: Path) -> Path | None:
    """Return the structure set that a path is, or that lies alone in a folder; None where it is something else.

    Raises:
        InputError: E121 for a folder with several.
    """
    if path.is_dir():
        headers = list(read_headers(path for path in listing.files_in(path) if claims_dicom(path)))
        sets = [header.path for header in headers if isinstance(header, Bystander) and header.kind == KIND]
        if not sets:
            return None
        if len(sets) > 1:
            raise InputError(
                "E121",
                f"{path.name} holds {len(sets)} structure sets",
                "one",
                "Name the file of one of them.",
            )
        return sets[0]
    if not path.is_file() or not claims_dicom(path):
        return None
    header = next(iter(read_headers([path])), None)
    return path if isinstance(header, Bystander) and header.kind == KIND else None


def read(path: Path) -> StructureSet:
    """Read the closed contours of a structure set; points and open lines, which enclose nothing, are passed over.

    Raises:
        InputError: E101 for a file that cannot be read, E103 for contours that make no sense, E124 without any that is
            closed.
    """
    with guarded(path.name):
        dataset = read_whole(path, path.name)
        header = Slice(path, dataset)
        names = {
            int(item.ROINumber): mask_identity(str(item.get("ROIName") or ""), header.identity)
            for item in dataset.get("StructureSetROISequence") or ()
        }
        structures = []
        for item in dataset.get("ROIContourSequence") or ():
            number = int(item.ReferencedROINumber)
            contours = tuple(_read_contours(header.name, item))
            if contours:
                structures.append(Structure(names.get(number) or f"ROI {number}", contours))
        if not structures:
            raise InputError(
                "E124",
                f"{header.name} has no closed contour",
                "a structure with contours on slices",
                "Export the structures again.",
            )
        return StructureSet(_frame_of(dataset), tuple(structures))


def fill(structure: Structure, grid: Grid) -> NDArray[np.bool_]:
    """Return the voxels of a grid whose centres lie inside a structure; contours inside others are holes.

    Every slice takes the contours of the nearest plane that is no further than half the distance from plane to plane.

    Args:
        structure: with contours in planes that are parallel to slices of the grid along one of its axes.
        grid: however it lies.

    Raises:
        InputError: E103 for contours that are not parallel to the grid's slices.
    """
    contours = [grid.voxel(contour) for contour in structure.contours]
    axis = _axis_of(structure.name, contours, grid)
    planes: dict[int, list[NDArray[np.float64]]] = {}
    places = [float(contour[:, axis].mean()) for contour in contours]
    levels = _levels(places, _FLAT_MM / grid.spacing[axis])
    for contour, place in zip(contours, places, strict=True):
        planes.setdefault(int(np.abs(levels - place).argmin()), []).append(np.delete(contour, axis, axis=1))
    reach = float(np.diff(levels).min()) / 2 if len(levels) > 1 else 0.5
    mask = np.zeros(grid.shape, bool)
    slices = np.moveaxis(mask, axis, 0)  # a view, through which the mask is filled
    for k in range(len(slices)):
        nearest = int(np.abs(levels - k).argmin())
        if abs(levels[nearest] - k) <= reach + 1e-6:
            slices[k] = fill_polygons(planes[nearest], (slices.shape[1], slices.shape[2]))
    return mask


def _read_contours(name: str, item: pydicom.Dataset) -> Iterable[NDArray[np.float64]]:
    for contour in item.get("ContourSequence") or ():
        if str(contour.get("ContourGeometricType") or "") != _CLOSED:
            continue
        numbers = np.array(contour.get("ContourData") or (), dtype=float)
        if numbers.size < 9 or numbers.size % 3 or not np.isfinite(numbers).all():
            raise InputError(
                "E103",
                f"{name} has a contour that makes no sense",
                "three points or more of three finite numbers",
                "Export the structures again.",
            )
        yield numbers.reshape(-1, 3) * (-1, -1, 1)


def _frame_of(dataset: pydicom.Dataset) -> str:
    references = dataset.get("ReferencedFrameOfReferenceSequence") or ()
    frames = [str(item.get("FrameOfReferenceUID") or "") for item in references]
    return frames[0] if len(frames) == 1 else ""


def _axis_of(name: str, contours: Sequence[NDArray[np.float64]], grid: Grid) -> int:
    """Return the axis of the grid along which every contour lies in one plane."""
    spreads = np.max([np.ptp(contour, axis=0) for contour in contours], axis=0) * grid.spacing
    axis = int(spreads.argmin())
    if grid.is_sheared or spreads[axis] > _FLAT_MM:
        raise InputError(
            "E103",
            f"contours of {name} that are not parallel to the grid's slices",
            "contours in planes of the grid",
            "Export the dose on the grid of the image that was contoured.",
        )
    return axis


def _levels(places: Sequence[float], apart: float) -> NDArray[np.float64]:
    """Return the planes of contours, ascending; places that are no further apart than `apart` are one."""
    ordered = np.sort(np.asarray(places))
    starts = np.flatnonzero(np.diff(ordered, prepend=-np.inf) > apart)
    return np.array([part.mean() for part in np.split(ordered, starts[1:])])
