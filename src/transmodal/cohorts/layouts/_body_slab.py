"""A slab of one body: MR, colour and labels of a run of slices, from pictures or volumes, on colour's grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts import label_pictures
from transmodal.cohorts.case import Case, Origin
from transmodal.cohorts.case_files import describe_reading, sha256_content
from transmodal.cohorts.prepare.validate import rgb_notes
from transmodal.errors import InputError
from transmodal.storage import files, streams
from transmodal.volumes import Volume, io
from transmodal.volumes.formats import raster
from transmodal.volumes.formats.nifti_affine import assumed_affine
from transmodal.volumes.geometry.reorient import reorient
from transmodal.volumes.geometry.resampling import resample
from transmodal.volumes.reading import STRICT, Reading


class Pictures(NamedTuple):
    """Slices as pictures, one file each, in order.

    Attributes:
        paths: of the slab.
        n: slices of the whole body, the slab's among them.
        first: where the slab begins in the body.
        spacing_mm: of columns, of rows, and between slices.
        offset_mm: of the middle of a slice from the middle of the body's colour slices, along columns and rows.
        orientation: what columns, rows and slices run to, as axis codes.
        colours: what the colours of label pictures mean.
    """

    paths: tuple[Path, ...]
    n: int
    first: int
    spacing_mm: tuple[float, float, float]
    offset_mm: tuple[float, float] = (0.0, 0.0)
    orientation: str = "LPI"
    colours: label_pictures.Colours = ()


class Cut(NamedTuple):
    """A run of axial slices of a volume.

    Attributes:
        path: of the whole volume.
        first: the slab's first slice from the feet, in the closest RAS orientation.
        last: the one after its last; 0 for all.
    """

    path: Path
    first: int = 0
    last: int = 0


SlabPart = Pictures | Cut


@dataclass(frozen=True, slots=True)
class BodySlab:
    """A slab; a `CaseMaker`.

    Colour is the target and is never sampled. MR on another grid is sampled on colour's, once and linearly, where
    spacings and middles, or the headers, say that it lies.

    Attributes:
        id: name of the slab.
        patient: whose body.
        mr: the source.
        colour: sRGB of 8 bits.
        segmentation: labels on colour's grid; None where there are none.
        reading: how volumes are read where they leave something open.
    """

    id: str
    patient: str
    mr: SlabPart
    colour: SlabPart
    segmentation: SlabPart | None = None
    reading: Reading = STRICT

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities of the case."""
        return ("mr", "colour")

    def fingerprint(self) -> str:
        """Return a hash of the slab's files and of how they lie.

        Raises:
            InputError: E100 when a file is not there.
        """
        geometry = [part[1:] for part in self._parts().values()]
        hashes = [(image, _sha256(part)) for image, part in self._parts().items()]
        return files.sha256_text(
            ascii((self.id, self.patient, geometry, hashes, *describe_reading(self.reading)))
        )

    def load(self) -> Case:
        """Read the slab.

        Raises:
            InputError: E122 for grey where colour is expected and the other way round, E130 for slices of
                several sizes or labels on another grid, and as `raster.read`, `io.read` and `labels.read`.
            ResourceError: E401 for a slab beyond the budget.
        """
        colour, stored = _volume(self.colour, self.reading), _volume(self.mr, self.reading)
        mr = stored.in_grey()
        _check_kind("colour", colour, is_colour=True)
        _check_kind("mr", mr, is_colour=False)
        segmentation = None if self.segmentation is None else _labels(self.segmentation, self.reading)
        if segmentation is not None and not segmentation.grid.same_as(colour.grid):
            raise InputError(
                "E130",
                f"labels of {segmentation.grid.shape} and colour of {colour.grid.shape} voxels on two grids",
                "labels on colour's grid",
                "Give the labels that were drawn on these colour slices.",
            )
        if not mr.grid.same_as(colour.grid):
            mr = resample(mr, colour.grid)
        origins = {
            image: Origin(_first_file(part).name, _sha256(part)) for image, part in self._parts().items()
        }
        volumes = {"mr": mr, "colour": colour}
        notes = rgb_notes(["mr"] if stored.is_colour else [])
        return Case(self.id, self.patient, volumes, segmentation=segmentation, origins=origins, notes=notes)

    def _parts(self) -> dict[str, SlabPart]:
        parts = {"mr": self.mr, "colour": self.colour, "segmentation": self.segmentation}
        return {image: part for image, part in parts.items() if part is not None}


def _volume(part: SlabPart, reading: Reading) -> Volume:
    if isinstance(part, Cut):
        return _cut(part, reading)
    planes = _stack(part, [_picture(path, reading) for path in _check_budget(part)])
    return _place(part, planes)


def _labels(part: SlabPart, reading: Reading) -> Volume:
    if isinstance(part, Cut):
        return _cut(part, reading)
    return _place(
        part, _stack(part, [label_pictures.read(path, part.colours).swapaxes(0, 1) for path in part.paths])
    )


def _picture(path: Path, reading: Reading) -> NDArray[Any]:
    """Return `(columns, rows)` or `(columns, rows, 3)`."""
    # Its own place in space does not matter: the stack gets one.
    volume = raster.read(path, nonfinite=reading.nonfinite, assume_orientation="LPI")
    plane: NDArray[Any] = volume.voxels[:, :, 0]
    return plane


def _stack(part: Pictures, planes: Sequence[NDArray[Any]]) -> NDArray[Any]:
    first = planes[0]
    for path, plane in zip(part.paths, planes, strict=True):
        if plane.shape != first.shape:
            raise InputError(
                "E130",
                f"{path.name} of {plane.shape} beside {part.paths[0].name} of {first.shape} pixels",
                "slices of one size and kind",
                "Export the whole stack in one way.",
            )
    return np.stack(planes, axis=2)


def _place(part: Pictures, voxels: NDArray[Any]) -> Volume:
    columns, rows = voxels.shape[:2]
    whole = assumed_affine(np.array(part.spacing_mm), (columns, rows, part.n), part.orientation)
    unit = whole[:3, :3] / np.array(part.spacing_mm)
    begin = np.eye(4)
    begin[2, 3] = part.first
    affine = whole @ begin
    affine[:3, 3] += unit[:, :2] @ np.array(part.offset_mm)
    return Volume(voxels, affine)


def _cut(part: Cut, reading: Reading) -> Volume:
    volume = reorient(io.read_fitted(part.path, reading))
    begin = np.eye(4)
    begin[2, 3] = part.first
    return Volume(volume.voxels[:, :, part.first : part.last or None], volume.affine @ begin)


def _check_kind(image: str, volume: Volume, *, is_colour: bool) -> None:
    if volume.is_colour != is_colour:
        expected = "sRGB of 8 bits" if is_colour else "grey"
        kind = "colour" if volume.is_colour else "grey"
        raise InputError("E122", f"{image} in {kind}", expected, "Check which folder holds which slices.")


def _check_budget(part: Pictures) -> tuple[Path, ...]:
    """Refuse a slab that does not fit, by its first picture and the number of slices."""
    columns, rows = raster.size_of(part.paths[0])
    streams.check_budget(f"a slab of {len(part.paths)} slices", columns * rows * 4 * len(part.paths))
    return part.paths


def _first_file(part: SlabPart) -> Path:
    return part.path if isinstance(part, Cut) else part.paths[0]


def _sha256(part: SlabPart) -> str:
    if isinstance(part, Cut):
        return sha256_content(part.path)
    return files.sha256_text(ascii([sha256_content(path) for path in part.paths]))
