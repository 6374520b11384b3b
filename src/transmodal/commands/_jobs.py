"""One volume to synthesise: its sources, its place, and what its sidecar says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from transmodal.cohorts.patient_marks import PatientKey, read_keys, read_marks, untested
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.inference.ensemble import Translating, members_of
from transmodal.inference.model import Model
from transmodal.inference.pictures import is_picture
from transmodal.inference.provenance import sources
from transmodal.storage import files
from transmodal.volumes import Volume, io
from transmodal.volumes.geometry.reorient import resample
from transmodal.volumes.reading import STRICT, Reading

PICTURES_LIE = "pictures are taken for axial slices as radiologists look at them"

_SERIES_DIGITS = 12
"""A SeriesNumber has no more; a SeriesInstanceUID has."""


@dataclass(frozen=True, slots=True)
class Job:
    """One volume to synthesise.

    Attributes:
        name: shown while it is under way.
        paths: of the sources, by modality.
        output: where it goes.
        reading: how the sources are read.
        case: the prepared case that they are, where they are one.
        about: what the sidecar says besides how the volume came about.
        patient: whose images they are; empty where nothing says it.
        is_series: whether the output is a folder of DICOM.
    """

    name: str
    paths: Mapping[str, Path]
    output: Path
    reading: Reading = STRICT
    case: PreparedCase | None = None
    about: Mapping[str, object] = field(default_factory=dict)
    patient: str = ""
    is_series: bool = False

    def read(self) -> dict[str, Volume]:
        """Read the sources; a prepared case's come back on its native grid."""
        if self.case is None:
            return {modality: io.read(path, self._reading_of(path)) for modality, path in self.paths.items()}
        case = self.case
        return {
            modality: replace(
                resample(case.volume(modality), case.native_grid(modality)),
                space=case.entry.volumes[modality].native_space,
            )
            for modality in self.paths
        }

    def assumed(self) -> list[str]:
        """Return a note on the pictures among the sources, where nobody said how they lie."""
        if self.case is not None or self.reading.assume_orientation is not None:
            return []
        names = [path.name for path in self.paths.values() if is_picture(path)]
        return (
            [f"{PICTURES_LIE} (LPS), as prepare takes them; --assume-orientation says otherwise"]
            if names
            else []
        )

    def _reading_of(self, path: Path) -> Reading:
        is_open = self.reading.assume_orientation is None and is_picture(path)
        return replace(self.reading, assume_orientation="LPS") if is_open else self.reading

    def describe_reading(self) -> dict[str, object]:
        """Return what was said of files that leave something open; of a series' UID, which is a header's value, a hash."""
        settings = {name: value for name, value in asdict(self.reading).items() if value is not None}
        series = self.reading.series
        return settings if series is None else {**settings, "series": mark_series(series)}

    def origins(self) -> dict[str, dict[str, Any]]:
        """Return each source's SHA-256, and not the name of its file, which can be a patient's."""
        return {modality: sources.describe(path) for modality, path in self.paths.items()}

    def is_of(self, origins: object) -> bool:
        """Return whether the sources are those of a sidecar; sidecars of earlier versions have their names besides."""
        recorded = origins if isinstance(origins, Mapping) else {}
        hashes = {name: part.get("sha256") for name, part in recorded.items() if isinstance(part, Mapping)}
        return hashes == {name: part["sha256"] for name, part in self.origins().items()}

    def source_names(self) -> dict[str, str]:
        """Return each source's file or folder name, for a sidecar that is asked to have them."""
        return {modality: path.name for modality, path in self.paths.items()}


def mark_series(series: str) -> str:
    """Return what stands in a sidecar for a series: its number, or the hash of its SeriesInstanceUID."""
    is_number = series.isdigit() and len(series) <= _SERIES_DIGITS
    return series if is_number else f"SHA-256 {files.sha256_text(series)}"


def keys_of(training_cohort: str | Path | None) -> tuple[PatientKey, ...]:
    """Return the patient keys of a prepared cohort; none without one.

    Raises:
        InputError: E133 for a folder that is no cohort, E101 for a damaged file of keys.
    """
    return () if training_cohort is None else read_keys(Cohort.open(Path(training_cohort)).folder)


def mark_training_subject(job: Job, model: Translating, keys: Sequence[PatientKey]) -> dict[str, Any]:
    """Return what a sidecar says where a run has learned from the very subject; nothing where none has.

    Args:
        job: whose subject is looked up.
        model: with the marks of those that it learned from, or several.
        keys: of the training cohort, where it is at hand.
    """
    findings = [_mark_subject_of(job, member, keys) for member in members_of(model)]
    # A run that has learned from the subject outweighs one of which nobody knows.
    return max(findings, key=lambda finding: (finding.get("training_subject") is True, bool(finding)))


def _mark_subject_of(job: Job, model: Model, keys: Sequence[PatientKey]) -> dict[str, Any]:
    marks = read_marks(model.provenance)
    if not job.patient or marks is None:
        return {}
    own_keys = () if job.case is None else read_keys(job.case.folder)
    subjects = marks.find([job.patient], [*own_keys, *keys])
    if subjects is None:
        return {"training_subject": None, "notes": [untested(model.recipe.name, marks)]}
    # Without the name, which a reader of the sidecar need not know.
    note = "the run learned from a subject of this name: this is no test of it"
    return {"training_subject": True, "notes": [note]} if subjects else {}
