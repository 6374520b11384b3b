"""One row of a comparison: description, difference to the reference, size and time."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from transmodal.evaluation.compare.comparability import Kind
from transmodal.evaluation.compare.pooling import Pool
from transmodal.evaluation.statistics.agreement import NonInferiority, non_inferiority
from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.evaluation.statistics.paired_tests import Description, Difference, describe, holm, paired
from transmodal.metrics import registry


class Spread(NamedTuple):
    """Mean and standard deviation over patients of a figure that nothing is tested on."""

    mean: float | None
    sd: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """One row of the table.

    Attributes:
        name: in the table.
        is_oracle: whether it needed no learning of images.
        seeds: of the trainings that were pooled; none where they are not recorded.
        trainings: how many were pooled; 0 for an oracle.
        patients: figure of every patient, mean over seeds, in the order of the comparison's patients.
        description: of the compared figures.
        difference: this row minus the reference; None for the reference itself.
        p: of the difference, corrected over the table; None where there is no test.
        within: whether it is no more than the margin worse than the reference; None without a margin.
        others: the other kinds of figures, in the order of the comparison's.
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
    within: NonInferiority | None
    others: tuple[Spread, ...]
    parameters: int | None
    training_seconds: float | None
    seconds: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the row for JSON, tuples by their names."""
        within = self.within
        return {
            "name": self.name,
            "oracle": self.is_oracle,
            "seeds": list(self.seeds),
            "trainings": self.trainings,
            "patients": list(self.patients),
            "description": _plain(self.description),
            "difference": None if self.difference is None else _plain(self.difference),
            "p_holm": self.p,
            "non_inferiority": None if within is None else _plain(within),
            "others": [_plain(one) for one in self.others],
            "parameters": self.parameters,
            "training_seconds": self.training_seconds,
            "seconds_per_volume": self.seconds,
        }


class Table(NamedTuple):
    """What the rows of a table share.

    Attributes:
        kind: what is compared.
        others: what is shown beside it.
        patients: ids, in order.
        reference: name of the row that the others are held against.
        figures: of every row, `(seeds, patients)`.
        margin: of non-inferiority; None where it was not asked for.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """

    kind: Kind
    others: tuple[Kind, ...]
    patients: list[str]
    reference: str
    figures: dict[str, Values]
    margin: float | None
    resamples: int
    seed: int


def standing(row: Pool, table: Table) -> Standing:
    """Work out one row; `corrected` corrects its p-value with the others'."""
    own, theirs = table.figures[row.name], table.figures[table.reference]
    is_reference = row.name == table.reference
    difference, within = None, None
    if not is_reference:
        difference = paired(own, theirs, resamples=table.resamples, seed=table.seed)
    if table.margin is not None and not is_reference:
        within = non_inferiority(
            own,
            theirs,
            margin=table.margin,
            higher_is_better=registry.higher_is_better(table.kind.metric),
            resamples=table.resamples,
            seed=table.seed,
        )
    parameters, training = row.recorded("parameters"), row.recorded("training_seconds")
    seconds = row.seconds()
    return Standing(
        row.name,
        row.is_oracle,
        row.seeds,
        0 if row.is_oracle else len(row.entries),
        tuple(float(value) for value in own.mean(axis=0)),
        describe(own, resamples=table.resamples, seed=table.seed),
        difference,
        None,
        within,
        tuple(_spread(row, kind) for kind in table.others),
        int(parameters[0]) if parameters else None,
        statistics.fmean(training) if len(training) == len(row.entries) else None,
        statistics.median(seconds) if seconds else None,
    )


def corrected(standings: Sequence[Standing]) -> list[Standing]:
    """Return the rows with their p-values corrected by Holm: all tests of the table are one family."""
    raw = [None if one.difference is None else one.difference.p for one in standings]
    return [replace(one, p=p) for one, p in zip(standings, holm(raw), strict=True)]


def _spread(row: Pool, kind: Kind) -> Spread:
    """Describe figures that nothing is tested on, of patients whose figure is finite in every training."""
    found = [one.figures(kind) for one in row.entries]
    each = [statistics.fmean(one[patient] for one in found) for patient in found[0]]
    good = [value for value in each if math.isfinite(value)]
    return Spread(statistics.fmean(good) if good else None, statistics.stdev(good) if len(good) > 1 else None)


def _plain(one: Any) -> dict[str, Any]:  # noqa: ANN401  # any of the statistics' named tuples
    return {key: list(value) if isinstance(value, tuple) else value for key, value in one._asdict().items()}
