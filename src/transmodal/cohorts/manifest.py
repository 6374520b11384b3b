"""What a prepared cohort says of itself: its cases, arrays, grids, intensity maps and hashes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from transmodal.errors import InputError
from transmodal.volumes import Grid, files
from transmodal.volumes.intensity import IntensityMap

VERSION = 1
RegionKind = Literal["whole", "body", "brain"]
Matrix = tuple[tuple[float, ...], ...]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ArrayEntry(_Record):
    """One .npy of a case.

    Attributes:
        file: path below the cohort's folder.
        dtype: as numpy writes it.
        shape: of the array.
        sha256: of dtype, shape and voxels.
    """

    file: str
    dtype: str
    shape: tuple[int, ...]
    sha256: str


class VolumeEntry(ArrayEntry):
    """One modality of a case, in the closest RAS orientation, else as it came.

    Attributes:
        native_shape: shape of the grid that it came on.
        native_affine: affine of that grid; the way back needs nothing else.
        intensity: the map that was fitted, as `IntensityMap.to_json` gives it.
        simulated: whether no scanner measured it.
    """

    native_shape: tuple[int, int, int]
    native_affine: Matrix
    intensity: dict[str, Any]
    simulated: bool = False

    @property
    def native_grid(self) -> Grid:
        """The grid that the volume came on."""
        return Grid(self.native_shape, np.array(self.native_affine))

    @property
    def intensity_map(self) -> IntensityMap:
        """The map that `prepare` fitted."""
        return IntensityMap.from_json(self.intensity)


class RegionEntry(ArrayEntry):
    """A mask that was computed from a source.

    Attributes:
        modality: the source.
        kind: what it covers.
        method: how it was found.
    """

    modality: str
    kind: RegionKind
    method: str


class CaseEntry(_Record):
    """One case.

    Attributes:
        id: name of the case and of its folder.
        patient: whose it is.
        group: family or site; empty where the patient is the group.
        affine: of the canonical grid, which all its arrays share.
        volumes: by modality.
        mask: the data set's evaluation mask.
        segmentation: the data set's labels.
        regions: masks computed from sources.
        fingerprint: hash of the inputs and of the options that made this entry.
    """

    id: str
    patient: str
    group: str = ""
    affine: Matrix
    volumes: dict[str, VolumeEntry]
    mask: ArrayEntry | None = None
    segmentation: ArrayEntry | None = None
    regions: tuple[RegionEntry, ...] = ()
    fingerprint: str

    @property
    def owner(self) -> str:
        """What a split must not divide: the group, or the patient where there is none."""
        return self.group or self.patient

    def arrays(self) -> list[ArrayEntry]:
        """Return every array of the case."""
        extra = [entry for entry in (self.mask, self.segmentation) if entry is not None]
        return [*self.volumes.values(), *extra, *self.regions]


class Manifest(_Record):
    """A prepared cohort.

    Attributes:
        version: of this format.
        name: of the cohort.
        modalities: every modality that some case has.
        cases: sorted by id.
        left_out: cases that failed where the caller asked to go on, with the error's line.
    """

    version: Literal[1] = 1
    name: str
    modalities: tuple[str, ...]
    cases: tuple[CaseEntry, ...]
    left_out: dict[str, str] = {}

    def digest(self) -> str:
        """Return a hash of the cohort's content; its name and folder do not matter."""
        return files.sha256_text(self.model_dump_json(exclude={"name", "left_out"}))


def read_manifest(path: Path) -> Manifest:
    """Read `cohort.json`.

    Raises:
        InputError: E133 when it is no manifest of this version.
    """
    try:
        return Manifest.model_validate(files.read_json(path))
    except ValidationError as error:
        raise InputError(
            "E133",
            f"{path.name} with {error.error_count()} entries that do not fit",
            f"a cohort of format {VERSION}",
            "Prepare the cohort again.",
        ) from error


def matrix(affine: np.ndarray[Any, Any]) -> Matrix:
    """Return an affine as it stands in a manifest, to the last bit."""
    return tuple(tuple(float(value) for value in row) for row in affine)
