"""DICOM as the form of translations: what the options say, the folders that become series, and of whom they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from transmodal.commands._jobs import Job, mark_series
from transmodal.errors import InputError, UsageError
from transmodal.inference.dicom.parametric_map import MapForm, quantity_of
from transmodal.inference.dicom.placement import place
from transmodal.inference.dicom.series import SeriesForm, dicom_modality
from transmodal.inference.names import REGION, stem_of
from transmodal.inference.translation import ImageForm, Translation
from transmodal.volumes import Grid, binding, io
from transmodal.volumes.formats.dicom.export.deidentification import Pseudonyms, read_key
from transmodal.volumes.formats.dicom.export.origin import SeriesOrigin, placeholder, read_origin
from transmodal.volumes.formats.dicom.export.parametric_map import check_installed
from transmodal.volumes.geometry.planning.grid import planning_grid
from transmodal.volumes.reading import Reading
from transmodal.volumes.regions.masks import Kind

RECORD = "dicom_options"
"""Key of a sidecar under which the options stand that its series was written with."""


@dataclass(frozen=True)
class DicomOptions:
    """The options of translations that are written as DICOM.

    Attributes:
        patient: PatientID of a source that says none.
        study: StudyInstanceUID of a source that says none.
        deidentify: whether names, ids, dates and UIDs are replaced.
        key_file: secret under which pseudonyms are the same in each call; None takes a new one for this call.
        onto: folder of the series whose grid and frame of reference they get; None leaves the source's.
        is_axial: whether they get the grid of a planning system.
        spacing_mm: of that grid; None takes the source's.
        is_burned_in: whether every slice has the word SYNTHETIC in it.
        is_map: whether they are written as parametric maps.
        body_part: BodyPartExamined of a source that says none.
        has_region: whether the region that the run translates is written beside them, as a segmentation.
        onto_series: SeriesNumber or SeriesInstanceUID in the folder of `onto`; empty where that holds one.
    """

    patient: str = ""
    study: str = ""
    deidentify: bool = False
    key_file: Path | None = None
    onto: Path | None = None
    is_axial: bool = False
    spacing_mm: tuple[float, ...] | None = None
    is_burned_in: bool = False
    is_map: bool = False
    body_part: str = ""
    has_region: bool = False
    onto_series: str = ""

    @cached_property
    def pseudonyms(self) -> Pseudonyms | None:
        """Names and UIDs in place of a patient's; None where the patient's own are written."""
        import secrets

        if not self.deidentify:
            return None
        return Pseudonyms(secrets.token_bytes(32) if self.key_file is None else read_key(self.key_file))

    @cached_property
    def _grid_of_onto(self) -> Grid | None:
        if self.onto is None:
            return None
        with _series_named(self.onto_series):
            return io.read(self.onto, Reading(series=self.onto_series or None)).grid

    def place(self, translation: Translation) -> Translation:
        """Return a translation on the grid that it is written on.

        Raises:
            UsageError, InputError, ResourceError: for a grid that cannot be.
        """
        source = translation.volume.grid
        grid = planning_grid(source, self.spacing_mm) if self.is_axial else self._grid_of_onto
        return translation if grid is None or grid == source else place(translation, grid)

    def to_json(self) -> dict[str, Any]:
        """Return what a sidecar says of the options: nothing of a patient."""
        return {
            "patient": "option" if self.patient else "source",
            "study": "option" if self.study else "source",
            "deidentify": self.deidentify,
            **({} if self.onto is None else {"onto": binding.digest(self.onto)}),
            **({"onto_series": mark_series(self.onto_series)} if self.onto_series else {}),
            **({"grid": "axial"} if self.is_axial else {}),
            **({} if self.spacing_mm is None else {"spacing_mm": list(self.spacing_mm)}),
            **({"burned_in": True} if self.is_burned_in else {}),
            **({"object": "parametric-map"} if self.is_map else {}),
            **({"body_part": self.body_part} if self.body_part else {}),
        }


def options_in(record: Mapping[str, Any]) -> DicomOptions | None:
    """Return the options that a series was written with, but for names and pseudonyms, which no sidecar holds.

    Args:
        record: content of its sidecar; None comes back for one of a file.

    Raises:
        InputError: E102 for one that was written onto another series.
    """
    options = record.get(RECORD)
    if not isinstance(options, dict):
        return None
    if "onto" in options:
        raise InputError(
            "E102",
            "a record of a series that was written onto another, whose place it does not hold",
            "one of the source's grid, or an axial one",
            "Translate again: transmodal translate --onto.",
        )
    spacing = options.get("spacing_mm")
    return DicomOptions(
        is_axial="grid" in options,
        spacing_mm=None if spacing is None else tuple(spacing),
        is_burned_in="burned_in" in options,
        is_map="object" in options,
        body_part=str(options.get("body_part", "")),
        has_region=REGION in record,
    )


def check(
    options: DicomOptions | None, *, is_dataset: bool, disagreement: bool, interval: bool = False
) -> None:
    """Refuse what does not go together with DICOM, before anything is translated.

    Raises:
        UsageError: E004 for a BIDS dataset, for the disagreement of passes, and for an interval.
    """
    if options is not None and is_dataset:
        raise UsageError(
            "E004",
            "--as dicom of a BIDS dataset",
            "derivatives, which are NIfTI",
            "Leave the form out, or name an image.",
        )
    if options is not None and interval:
        raise UsageError(
            "E004", "--interval with --as dicom", "one of the two", "Write the interval as NIfTI."
        )
    if options is not None and disagreement:
        raise UsageError(
            "E004", "--disagreement with --as dicom", "one of the two", "Write the disagreement as NIfTI."
        )


def as_series(jobs: Sequence[Job], output: Path, target: str, options: DicomOptions) -> list[Job]:
    """Return jobs whose outputs are folders: the output itself of one volume, a folder in it for each of several.

    Raises:
        UsageError: E004 for a target that is no DICOM image, and for one identity of several volumes.
        ResourceError: E404 where highdicom is not installed, which writes maps.
    """
    if options.is_map:
        quantity_of(target)
        check_installed()
    else:
        dicom_modality(target)
    if len(jobs) > 1 and (options.patient or options.study):
        raise UsageError(
            "E004",
            f"--patient or --study for {len(jobs)} volumes",
            "one volume, which is of one patient",
            "Translate them one by one, or leave them out: each gets a placeholder of its own.",
        )
    for job in jobs:
        _origin_of(job, "", options)  # refused here, before any is translated
    output = output if output.name else output.resolve()  # such as `.`, whose sidecar lies beside it
    folders = [output] if len(jobs) == 1 else [output / stem_of(job.output) for job in jobs]
    return [
        replace(job, output=folder, is_series=True, about={**job.about, RECORD: options.to_json()})
        for job, folder in zip(jobs, folders, strict=True)
    ]


def is_kept(record: Mapping[str, Any], job: Job) -> bool:
    """Return whether an earlier record is of the form of a job; of names that were told anew nobody knows."""
    options = job.about.get(RECORD)
    if not isinstance(options, dict) or record.get(RECORD) != options:
        return record.get(RECORD) == options
    own = {"patient": "source", "study": "source", "deidentify": False}
    return own.items() <= options.items()


def form_of(job: Job, translation: Translation, options: DicomOptions, kind: Kind) -> ImageForm:
    """Return the form of a translation, with the identity of its source or of the options.

    Args:
        job: that the translation is of.
        translation: on the grid that it is written on.
        options: of the form.
        kind: region of the run's recipe, which is written too where that is asked for.

    Raises:
        UsageError: E004 for identity in the options where the source has its own.
        InputError: as `read_origin`, and E130 where the source and the series to write it onto do not go together.
    """
    first = next(iter(translation.record["sources"].values()))
    origin = _origin_of(job, first["voxels_sha256"], options)
    target = translation.record["target"]
    if options.is_map:
        return MapForm(target, origin, options.pseudonyms)
    region = kind if options.has_region else None
    return SeriesForm(target, origin, options.pseudonyms, options.is_burned_in, region=region)


def _origin_of(job: Job, seed: str, options: DicomOptions) -> SeriesOrigin:
    """Return of whom a job's series is: of its source, else of the series that it is written onto, else of the options."""
    folders = [path for path in job.paths.values() if path.is_dir()]
    if not folders and options.onto is None:
        return placeholder(options.patient, options.study, options.body_part, seed=seed)
    if options.patient or options.study or options.body_part:
        raise UsageError(
            "E004",
            "--patient, --study or --body-part beside a series of DICOM",
            "the identity that its headers say",
            "Leave them out; transmodal translate --deidentify replaces it.",
        )
    if options.onto is None:
        return read_origin(folders, job.reading.series)
    with _series_named(options.onto_series):
        frame = read_origin([options.onto], options.onto_series or None)
    if not folders:
        return replace(frame, images=())
    return read_origin(folders, job.reading.series).with_frame_of(frame)


@contextmanager
def _series_named(series: str) -> Iterator[None]:
    """Name the option that says which series of the folder to write onto is meant: `--series` is of the source."""
    try:
        yield
    except InputError as error:
        if "--series" not in error.remedy or series:
            raise
        raise InputError(
            "E121",
            error.got,
            error.expected,
            "Name it by its number or UID: --onto-series, onto_series= in Python.",
        ) from error
