"""The format of `evaluation.json`: one schema, written and read through it.

The names of the fields are the keys of the file, in its order. The meaning of a field stands with the class that
the figures come from.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import Field, field_validator

from transmodal.cohorts.options import RegionKind
from transmodal.evaluation.records.figures import (
    DisagreementFigures,
    External,
    Figure,
    OrganFigure,
    PooledDisagreement,
    ProtocolFields,
    RecordPart,
    RegionAgreement,
    RegionFigure,
    SplitFigureLine,
    SummaryLine,
)

VERSION = 1
"""Of the format. Files from before versions have none, and are of this one."""


class MaskChoice(RecordPart):
    """The region of the target that is the evaluation mask."""

    modality: str
    kind: RegionKind


class ReferenceUnits(RecordPart):
    """The units that targets are scaled to, and where their own maps are fitted."""

    source: str
    region: RegionKind
    map: dict[str, Any]


class Scoring(RecordPart):
    """Everything that figures depend on beside volumes."""

    data_range: float
    mask: MaskChoice | None = None
    labels: dict[int, str] = Field(default_factory=dict)
    reference: ReferenceUnits | None
    has_resampled: bool = False
    has_fitted: bool = False


class ArrayHashes(RecordPart):
    """SHA-256 of the arrays that a case is scored against; None without a mask."""

    target: str
    mask: str | None


class VolumeFile(RecordPart):
    """One stored file: its path below the evaluation's folder, and the SHA-256 of its bytes."""

    file: str
    sha256: str

    @field_validator("file")
    @classmethod
    def _below(cls, name: str) -> str:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
            raise ValueError("a path below the evaluation's folder")
        return name


VolumeFiles = dict[str, dict[str, tuple[VolumeFile, ...]]]
"""By translator and case: one file, or one per channel."""


class Uncertainty(RecordPart):
    """Disagreements by case and over patients, and the stored ones."""

    protocol: str
    cases: tuple[DisagreementFigures, ...]
    patients: tuple[PooledDisagreement, ...]
    volumes: VolumeFiles


class Tool(RecordPart):
    """The software that wrote the file."""

    name: str
    version: str


class TaskRecord(RecordPart):
    """Source modalities, target modality and its unit."""

    source: tuple[str, ...]
    target: str
    unit: str


class ScoredCohort(RecordPart):
    """The cohort that was scored; evaluations before 0.2 have no list of training patients.

    `patient_marks` are of the scored patients, by the id of each key at hand; `left_out` are cases of the split that
    are not scored, since a participant has no volume of them.
    """

    name: str
    digest: str
    split: str
    n_cases: int
    n_training_cases: int = 0
    oracles_fitted_on: str = ""
    simulated: tuple[str, ...] = ()
    training_patients_sha256: tuple[str, ...] | None = None
    training_patients_key: str = ""
    patient_marks: dict[str, dict[str, str]] = Field(default_factory=dict)
    left_out: tuple[str, ...] = ()


class Provenance(RecordPart):
    """How the figures came about."""

    intended_use: str = ""
    tool: Tool | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    task: TaskRecord
    cohort: ScoredCohort
    models: dict[str, dict[str, Any]]
    oracles: tuple[str, ...]
    slices_excluded: dict[str, int] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()


class EvaluationFile(RecordPart):
    """The content of an `evaluation.json`; fields with a default may be missing in evaluations before 0.2."""

    version: Literal[1] = 1
    rows: tuple[Figure, ...]
    summary: tuple[SummaryLine, ...]
    regions: tuple[RegionFigure, ...] = ()
    organs: tuple[OrganFigure, ...] = ()
    agreement: tuple[RegionAgreement, ...] = ()
    protocols: dict[str, ProtocolFields]
    split_figures: tuple[SplitFigureLine, ...] = ()
    judges: dict[str, Any] = Field(default_factory=dict)
    elsewhere: External | None = None
    scoring: Scoring | None = None
    targets: dict[str, ArrayHashes] = Field(default_factory=dict)
    volumes: VolumeFiles = Field(default_factory=dict)
    uncertainty: Uncertainty | None = None
    provenance: Provenance

    def to_json(self) -> dict[str, Any]:
        """Return the content for JSON, with the keys that were set."""
        return self.model_dump(mode="json", exclude_unset=True)
