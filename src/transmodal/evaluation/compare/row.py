"""One row of a comparison: description, difference to the reference, size and time."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from transmodal.evaluation.compare.comparability import ComparedMetric
from transmodal.evaluation.compare.inputs import ComparisonInputs
from transmodal.evaluation.compare.pooling import Pool
from transmodal.evaluation.statistics.agreement import NonInferiority, non_inferiority
from transmodal.evaluation.statistics.paired_tests import Description, Difference, describe, holm, paired
from transmodal.metrics import registry


class Spread(NamedTuple):
    """Mean and standard deviation over patients of a figure that nothing is tested on."""

    mean: float | None
    sd: float | None


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One row of the table.

    Attributes:
        name: in the table.
        is_oracle: whether it needed no learning of images.
        seeds: of the trainings that were pooled; none where they are not recorded.
        trainings: how many were pooled; 0 for an oracle and for volumes of another program.
        patients: figure of every patient, mean over seeds, in the order of the comparison's patients.
        description: of the compared figures.
        difference: this row minus the reference; None for the reference itself.
        p: of the difference, corrected over the table; None where there is no test.
        non_inferiority: whether it is no more than the margin worse than the reference; None without a margin.
        secondary: figures of the secondary metrics, in the order of the comparison's.
        parameters: that the translated image depends on; None where it is not recorded.
        training_seconds: mean over the trainings; None where it is not recorded.
        seconds: median over cases of what a translation took; None where it is not recorded.
    """

    name: str
    is_oracle: bool
    seeds: tuple[int, ...]
    trainings: int
    patients: tuple[float, ...]
    description: Description
    difference: Difference | None
    p: float | None
    non_inferiority: NonInferiority | None
    secondary: tuple[Spread, ...]
    parameters: int | None
    training_seconds: float | None
    seconds: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the row for JSON, tuples by their names."""
        return {
            "name": self.name,
            "oracle": self.is_oracle,
            "seeds": list(self.seeds),
            "trainings": self.trainings,
            "patients": list(self.patients),
            "description": _plain(self.description),
            "difference": None if self.difference is None else _plain(self.difference),
            "p_holm": self.p,
            "non_inferiority": None if self.non_inferiority is None else _margin_record(self.non_inferiority),
            "others": [_plain(spread) for spread in self.secondary],
            "parameters": self.parameters,
            "training_seconds": self.training_seconds,
            "seconds_per_volume": self.seconds,
        }


def build_row(pool: Pool, inputs: ComparisonInputs) -> ComparisonRow:
    """Return one row; `correct_p_values` then corrects its p-value for all tests of the table."""
    resamples, seed = inputs.bootstrap
    figures, reference = inputs.figures[pool.name], inputs.figures[inputs.reference]
    is_reference = pool.name == inputs.reference
    difference, margin_test = None, None
    if not is_reference:
        difference = paired(figures, reference, resamples=resamples, seed=seed)
    if inputs.margin is not None and not is_reference:
        margin_test = non_inferiority(
            figures,
            reference,
            margin=inputs.margin,
            higher_is_better=registry.higher_is_better(inputs.primary.metric),
            resamples=resamples,
            seed=seed,
        )
    parameters, training = pool.recorded("parameters"), pool.recorded("training_seconds")
    seconds = pool.seconds()
    return ComparisonRow(
        pool.name,
        pool.is_oracle,
        pool.seeds,
        pool.n_trainings,
        tuple(float(value) for value in figures.mean(axis=0)),
        describe(figures, resamples=resamples, seed=seed),
        difference,
        None,
        margin_test,
        tuple(_spread(pool, metric) for metric in inputs.secondary),
        int(parameters[0]) if parameters else None,
        statistics.fmean(training) if len(training) == len(pool.members) else None,
        statistics.median(seconds) if seconds else None,
    )


def correct_p_values(rows: Sequence[ComparisonRow]) -> list[ComparisonRow]:
    """Return the rows with their p-values corrected by Holm: all tests of the table are one family."""
    raw = [None if row.difference is None else row.difference.p for row in rows]
    return [replace(row, p=p) for row, p in zip(rows, holm(raw), strict=True)]


def _spread(pool: Pool, metric: ComparedMetric) -> Spread:
    """Describe figures that nothing is tested on, of patients whose figure is finite in every training."""
    trainings = [member.figures(metric) for member in pool.members]
    means = [statistics.fmean(training[patient] for training in trainings) for patient in trainings[0]]
    finite = [value for value in means if math.isfinite(value)]
    return Spread(
        statistics.fmean(finite) if finite else None, statistics.stdev(finite) if len(finite) > 1 else None
    )


def _plain(figures: Description | Difference | Spread) -> dict[str, Any]:
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in figures._asdict().items()
    }


def _margin_record(test: NonInferiority) -> dict[str, Any]:
    return {"margin": test.margin, "worst": test.worst, "p": test.p, "shown": test.is_shown}
