"""The format of `evaluation.json`: one schema, written and read through it.

The names of the fields are the keys of the file, in its order. What a field means stands with the class that the
figures come from.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator

from transmodal.cohorts.options import RegionKind

VERSION = 1
"""Of the format. Files from before versions have none, and are of this one."""

Ends = tuple[float, float]
"""Low and high end of an interval."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(_Part):
    """One figure of one case; None where it is not finite, with a note of the reason."""

    case: str
    patient: str
    translator: str
    metric: str
    value: float | None
    unit: str
    protocol: str
    note: str = ""


class SummaryLine(_Part):
    """The figures of one translator, metric and protocol over the cases."""

    translator: str
    metric: str
    unit: str
    protocol: str
    n: int
    mean: float | None
    std: float | None
    median: float | None
    n_infinite: int


class RegionFigure(_Part):
    """Measured and synthetic mean of a region of one case."""

    case: str
    patient: str
    translator: str
    region: str
    n: int
    measured: float | None
    synthetic: float | None


class OrganFigure(_Part):
    """The colour of one organ of one case."""

    case: str
    patient: str
    translator: str
    organ: str
    n: int
    ciede2000: float
    delta_cf: float


class RegionAgreement(_Part):
    """Bias and limits of agreement of a region's means over patients."""

    translator: str
    region: str
    n: int
    bias: float | None
    sd: float | None
    lower: float | None
    upper: float | None
    of_bias: Ends | None
    of_lower: Ends | None
    of_upper: Ends | None
    slope: float | None
    of_slope: Ends | None


class ProtocolFields(_Part):
    """A protocol by its fields; its text is the key. Evaluations before 0.2 may have fewer of them."""

    region: str
    dims: int
    unit: str = ""
    data_range: float | None = None
    window: tuple[int, ...] | None = None
    border: str | None = None
    target_normalised: bool = False
    definition: str = ""
    mask: str = ""


class SplitFigureLine(_Part):
    """A figure of a whole split."""

    translator: str
    metric: str
    value: float | None
    protocol: str
    n_slices: int
    note: str


class Groups(_Part):
    """Patients by column and stratum of a phenotype table."""

    table: str
    sha256: str
    groups: dict[str, dict[str, tuple[str, ...]]]


class InternalFigures(_Part):
    """Figures of one kind, by patient of the training site."""

    translator: str
    metric: str
    protocol: str
    patients: dict[str, float]


class InternalTestFigures(_Part):
    """Figures of the internal test, on the training cohort's own test patients."""

    cohort: str
    digest: str
    how: str
    figures: tuple[InternalFigures, ...]


class Moments(_Part):
    """Mean, spread and median over patients, with their intervals."""

    n: int
    seeds: int
    mean: float
    sd: float | None
    median: float
    of_mean: Ends | None
    of_median: Ends | None


class DropFigure(_Part):
    """Mean of the internal test minus mean of the scored patients."""

    mean: float
    interval: Ends | None


class StratumFigures(_Part):
    """One kind of figure over the patients of one stratum, and of the internal test."""

    by: str
    name: str
    translator: str
    metric: str
    unit: str
    protocol: str
    here: Moments
    home: Moments | None
    drop: DropFigure | None


class External(_Part):
    """Strata and the internal test of an external validation."""

    method: str
    phenotypes: Groups | None
    home: InternalTestFigures | None
    figures: tuple[StratumFigures, ...]


class MaskChoice(_Part):
    """The region of the target that is the evaluation mask."""

    modality: str
    kind: RegionKind


class ReferenceUnits(_Part):
    """The units that targets are scaled to, and where their own maps are fitted."""

    source: str
    region: RegionKind
    map: dict[str, Any]


class Scoring(_Part):
    """Everything that figures depend on beside volumes."""

    data_range: float
    mask: MaskChoice | None = None
    labels: dict[int, str] = {}
    reference: ReferenceUnits | None


class ArrayHashes(_Part):
    """SHA-256 of the arrays that a case is scored against; None without a mask."""

    target: str
    mask: str | None


class VolumeFile(_Part):
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


class DisagreementFigures(_Part):
    """How well the disagreement of one translator's passes tells its errors on one case."""

    case: str
    patient: str
    translator: str
    n: int
    disagreement: tuple[float, ...]
    error: tuple[float, ...]
    spearman: float | None
    ause: float | None
    ause_random: float | None


class MeanOverPatients(_Part):
    """A mean over patients and the ends of its interval."""

    n: int
    mean: float
    low: float | None
    high: float | None


class PooledDisagreement(_Part):
    """The disagreement of one translator over patients."""

    translator: str
    patients: int
    disagreement: tuple[float, ...]
    error: tuple[float, ...]
    error_low: tuple[float | None, ...]
    error_high: tuple[float | None, ...]
    spearman: MeanOverPatients | None
    ause: MeanOverPatients | None
    ause_random: MeanOverPatients | None


class Uncertainty(_Part):
    """Disagreements by case and over patients, and the stored ones."""

    protocol: str
    cases: tuple[DisagreementFigures, ...]
    patients: tuple[PooledDisagreement, ...]
    volumes: VolumeFiles


class Tool(_Part):
    """The software that wrote the file."""

    name: str
    version: str


class Task(_Part):
    """Source modalities, target modality and its unit."""

    source: tuple[str, ...]
    target: str
    unit: str


class ScoredCohort(_Part):
    """The cohort that was scored; evaluations before 0.2 have no list of training patients."""

    name: str
    digest: str
    split: str
    n_cases: int
    n_training_cases: int = 0
    oracles_fitted_on: str = ""
    simulated: tuple[str, ...] = ()
    training_patients_sha256: tuple[str, ...] | None = None


class Provenance(_Part):
    """How the figures came about."""

    intended_use: str = ""
    tool: Tool | None = None
    versions: dict[str, str] = {}
    task: Task
    cohort: ScoredCohort
    models: dict[str, dict[str, Any]]
    oracles: tuple[str, ...]
    slices_excluded: dict[str, int] = {}
    notes: tuple[str, ...] = ()


class EvaluationFile(_Part):
    """The content of an `evaluation.json`; what has a default may be missing in evaluations before 0.2."""

    version: Literal[1] = 1
    rows: tuple[Figure, ...]
    summary: tuple[SummaryLine, ...]
    regions: tuple[RegionFigure, ...] = ()
    organs: tuple[OrganFigure, ...] = ()
    agreement: tuple[RegionAgreement, ...] = ()
    protocols: dict[str, ProtocolFields]
    split_figures: tuple[SplitFigureLine, ...] = ()
    judges: dict[str, Any] = {}
    elsewhere: External | None = None
    scoring: Scoring | None = None
    targets: dict[str, ArrayHashes] = {}
    volumes: VolumeFiles = {}
    uncertainty: Uncertainty | None = None
    provenance: Provenance

    def to_json(self) -> dict[str, Any]:
        """Return the content for JSON, with the keys that were set."""
        return self.model_dump(mode="json", exclude_unset=True)
