"""Ranks of models by one metric, with intervals over patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from transmodal._version import __version__
from transmodal.errors import UsageError
from transmodal.evaluation.compare.comparability import ComparedMetric, check_scored_alike, collect_remarks
from transmodal.evaluation.compare.inputs import Bootstrap, loss, select_inputs
from transmodal.evaluation.compare.pooling import Pool, pool_trainings
from transmodal.evaluation.drawing.words import sentence
from transmodal.evaluation.provenance import ANOTHER_PROGRAM, ORIGIN
from transmodal.evaluation.records import read
from transmodal.evaluation.records.read import EvaluationRecord
from transmodal.evaluation.statistics.bootstrap import RESAMPLES, SEED, Values
from transmodal.evaluation.statistics.paired_tests import FEWEST, Description, describe, too_few
from transmodal.metrics import registry
from transmodal.notice import INTENDED_USE

Counts = NDArray[np.float64]


class RankInterval(NamedTuple):
    """The best and the worst rank of 95 % of the resamples, and the share of them in which it is first."""

    best: int
    worst: int
    first: float


@dataclass(frozen=True, slots=True)
class LeaderboardEntry:
    """One line of the board.

    Attributes:
        name: in the table.
        rank: from 1 on, equal where means are equal; None for an oracle, which is not ranked.
        ranks: interval of the rank; None for an oracle, and with fewer than six patients.
        description: of its figures over patients.
        origin: `trained run`, `volumes of another program` or `oracle`.
        evaluation: number of its evaluation in `Leaderboard.evaluations`.
    """

    name: str
    rank: int | None
    ranks: RankInterval | None
    description: Description
    origin: str
    evaluation: int


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Models of several evaluations, best first; oracles where they would stand.

    Attributes:
        metric: that ranks.
        entries: best first.
        patients: who were scored.
        evaluations: that were read.
        checks: whose figures were taken again: the line that `check` prints, by the number of the evaluation.
        method: how ranks and intervals were computed, in words.
        notes: limits that a reader has to know.
    """

    metric: ComparedMetric
    entries: tuple[LeaderboardEntry, ...]
    patients: tuple[str, ...]
    evaluations: tuple[EvaluationRecord, ...]
    checks: Mapping[int, str]
    method: str
    notes: tuple[str, ...]

    def verification(self, number: int) -> str:
        """Return whether an evaluation's figures were taken again, could be, or cannot be."""
        if number in self.checks:
            return "taken again"
        return "can be taken again" if self.evaluations[number].content.volumes else "without volumes"

    def to_json(self) -> dict[str, Any]:
        """Return the board for JSON."""
        first = self.evaluations[0].content.provenance
        return {
            "intended_use": INTENDED_USE,
            "tool": {"name": "transmodal", "version": __version__},
            "task": first.task.model_dump(mode="json"),
            "cohort": first.cohort.model_dump(mode="json", include={"name", "digest", "split", "n_cases"}),
            "metric": self.metric._asdict(),
            "entries": [_entry_record(self, entry) for entry in self.entries],
            "evaluations": [
                {
                    "folder": evaluation.path.parent.name,
                    "sha256": evaluation.sha256,
                    "figures": self.verification(n),
                    "check": self.checks.get(n, ""),
                }
                for n, evaluation in enumerate(self.evaluations)
            ],
            "method": self.method,
            "notes": list(self.notes),
        }


def rank(
    evaluations: Sequence[Path],
    *,
    metric: str = "mae",
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Leaderboard:
    """Rank the models of evaluations.

    Args:
        evaluations: folders of evaluations or of evaluated runs, or their files.
        metric: such as `mae`, `ssim-2d` or `ssim_synthrad2023`.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        InputError: E100 and E101 as `records.read`, E135 for a model that learned from a patient that it is scored on.
        UsageError: E002 for a metric that not all have, E004 for other cohorts, splits, cases or protocols, or the same
            weights or volumes twice.
    """
    records = [read.read(read.find(Path(folder))) for folder in evaluations]
    if not records:
        raise UsageError("E004", "no evaluation", "one or more", "Name their folders.")
    check_scored_alike(records)
    pools = pool_trainings(records)
    inputs = select_inputs(
        records, pools, metric=metric, against=None, margin=None, bootstrap=Bootstrap(resamples, seed)
    )
    models = [pool for pool in pools if not pool.is_oracle]
    losses = {pool.name: _losses(inputs.primary, inputs.figures[pool.name]) for pool in models}
    places = _places(losses)
    ranges = rank_intervals(losses, resamples, seed) if len(inputs.patients) >= FEWEST else {}
    entries = [
        LeaderboardEntry(
            pool.name,
            places.get(pool.name),
            ranges.get(pool.name),
            describe(inputs.figures[pool.name], resamples=resamples, seed=seed),
            _origin(pool),
            next(n for n, record in enumerate(records) if record is pool.members[0].evaluation),
        )
        for pool in pools
    ]
    ordered = sorted(entries, key=lambda entry: loss(inputs.primary, entry.description.mean))
    return Leaderboard(
        inputs.primary,
        tuple(ordered),
        inputs.patients,
        tuple(records),
        {},
        _describe_method(resamples, seed),
        (*_note_patients(inputs.patients, inputs.left_out), *collect_remarks(records)),
    )


def rank_intervals(losses: Mapping[str, Values], resamples: int, seed: int) -> dict[str, RankInterval]:
    """Return the intervals of ranks by drawing patients, the same for everyone.

    Args:
        losses: one figure per patient, smaller is better, by name.
        resamples: how many.
        seed: of the drawing.
    """
    matrix = np.stack(list(losses.values()))
    n = matrix.shape[1]
    shares: Counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), resamples) / n
    ranks = stats.rankdata(shares @ matrix.T, method="min", axis=1)
    low, high = np.quantile(ranks, [0.025, 0.975], axis=0, method="closest_observation")
    return {
        name: RankInterval(int(low[row]), int(high[row]), float(np.mean(ranks[:, row] == 1)))
        for row, name in enumerate(losses)
    }


def _places(losses: Mapping[str, Values]) -> dict[str, int]:
    means = [float(values.mean()) for values in losses.values()]
    return {name: int(place) for name, place in zip(losses, stats.rankdata(means, method="min"), strict=True)}


def _losses(metric: ComparedMetric, figures: Values) -> Values:
    """Return one figure per patient, mean over seeds, so that smaller is better."""
    means: Values = figures.mean(axis=0)
    return -means if registry.higher_is_better(metric.metric) else means


def _origin(pool: Pool) -> str:
    if pool.is_oracle:
        return "oracle"
    return ANOTHER_PROGRAM if pool.members[0].record.get(ORIGIN) == ANOTHER_PROGRAM else "trained run"


def _describe_method(resamples: int, seed: int) -> str:
    return (
        "Ranked by the mean over patients; oracles are not ranked. Intervals of means: 95 %, bootstrap over patients, moved "
        f"out for their number; of ranks: the same patients drawn for everyone, percentiles ({resamples} resamples, seed "
        f"{seed}). Whose interval of ranks reaches another's place is not told from it."
    )


def _note_patients(patients: Sequence[str], left_out: Sequence[str]) -> list[str]:
    notes = [sentence(too_few(len(patients)))] if too_few(len(patients)) else []
    if left_out:
        notes.append(f"Left out, since a figure is not finite in some row: {', '.join(left_out)}.")
    return notes


def _entry_record(board: Leaderboard, entry: LeaderboardEntry) -> dict[str, Any]:
    description = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in entry.description._asdict().items()
    }
    return {
        "name": entry.name,
        "rank": entry.rank,
        "ranks": None if entry.ranks is None else entry.ranks._asdict(),
        "description": description,
        "origin": entry.origin,
        "evaluation": entry.evaluation,
        "figures": board.verification(entry.evaluation),
    }
