"""Figures as they stand in `evaluation.json`: of cases, of regions and organs, of strata, of disagreements."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Ends = tuple[float, float]
"""Low and high end of an interval."""


class RecordPart(BaseModel):
    """A part of the file; it does not change, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(RecordPart):
    """One figure of one case; None where it is not finite, with a note of the reason."""

    case: str
    patient: str
    translator: str
    metric: str
    value: float | None
    unit: str
    protocol: str
    note: str = ""


class SummaryLine(RecordPart):
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


class RegionFigure(RecordPart):
    """Measured and synthetic mean of a region of one case."""

    case: str
    patient: str
    translator: str
    region: str
    n: int
    measured: float | None
    synthetic: float | None


class OrganFigure(RecordPart):
    """The colour of one organ of one case."""

    case: str
    patient: str
    translator: str
    organ: str
    n: int
    ciede2000: float
    delta_cf: float


class RegionAgreement(RecordPart):
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


class ProtocolFields(RecordPart):
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
    clips: bool = False
    resampled: bool = False
    fitted: bool = False


class SplitFigureLine(RecordPart):
    """A figure of a whole split."""

    translator: str
    metric: str
    value: float | None
    protocol: str
    n_slices: int
    note: str


class Groups(RecordPart):
    """Patients by column and stratum of a phenotype table."""

    table: str
    sha256: str
    groups: dict[str, dict[str, tuple[str, ...]]]


class InternalFigures(RecordPart):
    """Figures of one kind, by patient of the training site."""

    translator: str
    metric: str
    protocol: str
    patients: dict[str, float]


class InternalTestFigures(RecordPart):
    """Figures of the internal test, on the training cohort's own test patients."""

    cohort: str
    digest: str
    how: str
    figures: tuple[InternalFigures, ...]


class Moments(RecordPart):
    """Mean, spread and median over patients, with their intervals."""

    n: int
    seeds: int
    mean: float
    sd: float | None
    median: float
    of_mean: Ends | None
    of_median: Ends | None


class DropFigure(RecordPart):
    """Mean of the internal test minus mean of the scored patients."""

    mean: float
    interval: Ends | None


class StratumFigures(RecordPart):
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


class External(RecordPart):
    """Strata and the internal test of an external validation."""

    method: str
    phenotypes: Groups | None
    home: InternalTestFigures | None
    figures: tuple[StratumFigures, ...]


class DisagreementFigures(RecordPart):
    """How well the disagreement of one translator's passes ranks its errors on one case."""

    case: str
    patient: str
    translator: str
    n: int
    disagreement: tuple[float, ...]
    error: tuple[float, ...]
    spearman: float | None
    ause: float | None
    ause_random: float | None


class MeanOverPatients(RecordPart):
    """A mean over patients and the ends of its interval."""

    n: int
    mean: float
    low: float | None
    high: float | None


class PooledDisagreement(RecordPart):
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
