"""The manifest of a prepared cohort: its cases, arrays, grids, intensity maps and hashes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, FieldSerializationInfo, ValidationError, field_serializer

from transmodal.cohorts.options import VERSION, FrozenRecord, PrepareOptions, RegionKind
from transmodal.errors import InputError
from transmodal.storage import files, sealed
from transmodal.volumes import Grid
from transmodal.volumes.intensity import IntensityMap
from transmodal.volumes.volume import Space

REPAIR = "Prepare the cohort again from its source: what is damaged is repaired, and that alone."
"""The remedy for a cohort that is not what was prepared."""

Row = tuple[float, float, float, float]
Matrix = tuple[Row, Row, Row, Row]


def _below(name: str) -> str:
    """Refuse a path that leads out of the cohort's folder."""
    # By hand: a path object of each array would take a third of the time that a large manifest takes.
    if not name or name.startswith("/") or ".." in name.split("/") or any(sign in name for sign in "\\:\0"):
        raise ValueError("a path below the cohort's folder")
    return name


def _plain_type(name: str) -> str:
    """Refuse what is no type of numbers."""
    try:
        kind = np.dtype(name).kind
    except (TypeError, ValueError, SyntaxError) as error:
        raise ValueError("a type as numpy writes it") from error
    if kind not in "biuf":
        raise ValueError("a type of numbers")
    return name


class OriginEntry(FrozenRecord):
    """The file that an array was read from.

    Attributes:
        name: its base name; empty where names were not wanted.
        sha256: of its content.
    """

    name: Annotated[str, Field(pattern=r"^[^/\\]*$")]
    sha256: str


class ArrayEntry(FrozenRecord):
    """One .npy of a case.

    Attributes:
        file: path below the cohort's folder.
        dtype: as numpy writes it.
        shape: of the array.
        sha256: of dtype, shape and voxels.
        origin: the input file; None for an array that was made or computed.
    """

    file: Annotated[str, AfterValidator(_below)]
    dtype: Annotated[str, AfterValidator(_plain_type)]
    shape: tuple[int, ...]
    sha256: str
    origin: OriginEntry | None = None


class VolumeEntry(ArrayEntry):
    """One modality of a case, in the closest RAS orientation, else as it came.

    Attributes:
        content_sha256: of the voxels as float32: equal for one image in two voxel types.
        native_shape: shape of the grid that it came on.
        native_affine: affine of that grid; the way back needs nothing else.
        native_space: the atlas whose coordinates that grid has, as `Volume.space`.
        intensity: the map that was fitted, as `IntensityMap.to_json` gives it.
        fitted_in: where it was fitted: `whole`, `mask`, or a region such as `brain of t1`.
        simulated: whether no scanner measured it.
        unit: of the values, where it is not the modality's own, such as `grey level`.
    """

    content_sha256: str
    native_shape: tuple[int, int, int]
    native_affine: Matrix
    native_space: Space = ""
    intensity: dict[str, Any]
    fitted_in: str
    simulated: bool = False
    unit: str = ""

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


class CaseEntry(FrozenRecord):
    """One case.

    Attributes:
        id: name of the case and of its folder.
        patient: name of the patient.
        group: family or site; empty where the patient is the group.
        affine: of the canonical grid, which all its arrays share.
        volumes: by modality.
        mask: the data set's evaluation mask.
        segmentation: the data set's labels.
        regions: masks computed from sources.
        fingerprint: hash of the inputs and of the options that made this entry.
        notes: figures of how the case came about, such as how well two registrations agree in mm, and of how
            its contrasts lie on one another (`cohorts.quality.pairs`).
    """

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")]
    patient: str
    group: str = ""
    affine: Matrix
    volumes: Annotated[dict[str, VolumeEntry], Field(min_length=1)]
    mask: ArrayEntry | None = None
    segmentation: ArrayEntry | None = None
    regions: tuple[RegionEntry, ...] = ()
    fingerprint: str
    notes: Mapping[str, float] = {}

    def arrays(self) -> list[ArrayEntry]:
        """Return every array of the case."""
        extra = [entry for entry in (self.mask, self.segmentation) if entry is not None]
        return [*self.volumes.values(), *extra, *self.regions]

    def with_names(self, names: Mapping[str, str]) -> CaseEntry:
        """Return the case with modalities under other names, by those that they have."""
        regions = (
            region.model_copy(update={"modality": names.get(region.modality, region.modality)})
            for region in self.regions
        )
        volumes = {names.get(modality, modality): volume for modality, volume in self.volumes.items()}
        return self.model_copy(update={"volumes": volumes, "regions": tuple(regions)})


def _once(cases: Sequence[CaseEntry]) -> Sequence[CaseEntry]:
    """Refuse a case that stands there twice."""
    if len({case.id for case in cases}) < len(cases):
        raise ValueError("each case once")
    return tuple(cases)


class Manifest(FrozenRecord):
    """A prepared cohort.

    Attributes:
        version: of this format.
        name: of the cohort.
        modalities: every modality that some case has.
        cases: sorted by id; decoded when they are asked for where the cohort was opened by its index.
        options: of the preparation; `keep_going` is not kept.
        left_out: cases that failed where the caller asked to go on, with the kind of error.
        has_patient_key: whether its patients are marked with a key of its own (`cohorts.patient_marks`).
    """

    version: Literal[1] = 1
    name: str
    modalities: tuple[str, ...]
    cases: Annotated[Sequence[CaseEntry], AfterValidator(_once)]
    options: PrepareOptions = PrepareOptions()
    left_out: Mapping[str, str] = {}
    has_patient_key: bool = False

    @field_serializer("cases")
    def _dump_cases(self, cases: Sequence[CaseEntry], info: FieldSerializationInfo) -> list[dict[str, Any]]:
        return [case.model_dump(mode=info.mode) for case in cases]

    def with_names(self, names: Mapping[str, str]) -> Manifest:
        """Return the manifest with modalities under other names, by those that they have."""
        return self.model_copy(
            update={
                "modalities": tuple(sorted(names.get(modality, modality) for modality in self.modalities)),
                "cases": tuple(case.with_names(names) for case in self.cases),
                "options": self.options.with_names(names),
            }
        )

    def digest(self) -> str:
        """Return a hash of the cohort's content.

        Names of the cohort and of input files, and how the split was asked for, do not matter.
        """
        content = self.model_dump(mode="json", include={"version", "modalities", "cases"})
        for case in content["cases"]:
            del case["fingerprint"], case["notes"]
            for volume in case["volumes"].values():
                if not volume["unit"]:  # cohorts from before it was kept have the same digest
                    del volume["unit"]
            extra = [case["mask"], case["segmentation"]]
            for array in [*case["volumes"].values(), *case["regions"], *extra]:
                if array is not None:
                    del array["origin"]
            for volume in case["volumes"].values():
                # Cohorts that were prepared before this was kept have the same content.
                del volume["native_space"]
        return files.sha256_text(json.dumps(content, sort_keys=True))


def read_manifest(path: Path) -> Manifest:
    """Read `cohort.json`; manifests from before they were sealed are taken as they are.

    Raises:
        InputError: E133 when it is no manifest of this version, E101 when it is no JSON.
        IntegrityError: E501 when it was changed since it was written.
    """
    record = sealed.read(path)
    try:
        manifest = Manifest.model_validate(record.content)
    except ValidationError as error:
        raise bad_manifest(path, error) from error
    sealed.check(path, record, REPAIR)
    return manifest


def bad_manifest(path: Path, error: ValidationError, *outer: str | int) -> InputError:
    """Return the error E133 that names the first bad place of a manifest.

    Args:
        path: of `cohort.json`.
        error: of the check of its types.
        outer: the place of the part that was checked, such as `cases`, 3.
    """
    location = ".".join(map(str, (*outer, *error.errors()[0]["loc"])))
    return InputError(
        "E133",
        f"{path.name} with a bad {location}",
        f"a cohort of format {VERSION}",
        "Prepare the cohort again with this version.",
    )


def read_case(path: Path) -> CaseEntry:
    """Read a `case.json`.

    Raises:
        InputError: E100 when there is none, E101 when it is no JSON, E133 when it is no entry of this version.
        IntegrityError: E501 when it was changed since it was written.
    """
    record = sealed.read(path)
    try:
        entry = CaseEntry.model_validate(record.content)
    except ValidationError as error:
        raise InputError(
            "E133", f"{path} is no entry of a case", f"one of format {VERSION}", REPAIR
        ) from error
    sealed.check(path, record, REPAIR)
    return entry


def write_record(path: Path, record: Manifest | CaseEntry) -> None:
    """Write a manifest or a case's entry, sealed, so that a change of an affine is found like one of an array.

    Raises:
        ResourceError: E403 when the disk is full or may not be written.
    """
    files.write_json(path, sealed.seal(record.model_dump(mode="json")))


def matrix(affine: NDArray[np.float64]) -> Matrix:
    """Return an affine as it stands in a manifest, to the last bit."""
    rows: list[Row] = [(float(a), float(b), float(c), float(d)) for a, b, c, d in affine]
    first, second, third, fourth = rows
    return first, second, third, fourth
