"""Compare runs: one table under one protocol, from the evaluations that were written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transmodal._version import __version__
from transmodal.errors import InputError, UsageError, suggest
from transmodal.evaluation import provenance
from transmodal.evaluation.compare import comparability
from transmodal.evaluation.compare.comparability import ComparedMetric
from transmodal.evaluation.compare.pooling import Pool, pool_trainings
from transmodal.evaluation.compare.row import ComparisonInputs, ComparisonRow, build_row, correct_p_values
from transmodal.evaluation.records import read as reading
from transmodal.evaluation.records.read import EvaluationRecord
from transmodal.evaluation.statistics.bootstrap import RESAMPLES, SEED, Values
from transmodal.evaluation.statistics.paired_tests import too_few
from transmodal.metrics import registry
from transmodal.notice import INTENDED_USE


@dataclass(frozen=True, slots=True)
class Comparison:
    """Evaluated runs in one table, under one protocol.

    Attributes:
        primary: the metric that is compared.
        secondary: metrics shown beside it.
        patients: ids, in order.
        reference: name of the row that all rows are compared with.
        rows: models, best first, then oracles, best first.
        margin: of non-inferiority; None without.
        method: how intervals and tests were computed, in words.
        notes: limits that a reader has to know.
        evaluations: those that were read.
    """

    primary: ComparedMetric
    secondary: tuple[ComparedMetric, ...]
    patients: tuple[str, ...]
    reference: str
    rows: tuple[ComparisonRow, ...]
    margin: float | None
    method: str
    notes: tuple[str, ...]
    evaluations: tuple[EvaluationRecord, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the comparison for JSON, every patient's figure with it."""
        first = self.evaluations[0].content.provenance
        return {
            "intended_use": INTENDED_USE,
            "tool": {"name": "transmodal", "version": __version__},
            "task": first.task.model_dump(mode="json"),
            "cohort": first.cohort.model_dump(
                mode="json", include={"name", "digest", "split", "n_cases", "simulated"}
            ),
            "metric": self.primary._asdict(),
            "others": [metric._asdict() for metric in self.secondary],
            "reference": self.reference,
            "margin": self.margin,
            "patients": list(self.patients),
            "rows": [row.to_json() for row in self.rows],
            "method": self.method,
            "notes": list(self.notes),
            "evaluations": [
                {"file": str(evaluation.path), "sha256": evaluation.sha256} for evaluation in self.evaluations
            ],
        }


def compare(
    runs: Sequence[Path],
    *,
    metric: str | None = None,
    against: str | None = None,
    margin: float | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Comparison:
    """Put evaluated runs into one table.

    Args:
        runs: folders of evaluated runs, folders of evaluations, or files evaluation.json.
        metric: the primary metric, such as `mae`, `ssim` or `ssim-2d`; None takes the recipes' primary metric.
        against: name of the row that all rows are compared with; None takes the model with the best mean.
        margin: worsening that does not matter, in the metric's unit, fixed beforehand; None asks for no non-inferiority.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        InputError: E100 for a run that was not evaluated, E101 for an evaluation that contradicts itself, E135 when a
            model learned from a patient that it is scored on, E132 when no patient has a finite figure everywhere.
        UsageError: E004 for evaluations that do not go together, E002 for an unknown metric or row, E001 for a margin
            that is not above 0.
    """
    evaluations = [reading.read(reading.find(Path(run))) for run in runs]
    if not evaluations:
        raise UsageError("E004", "no run", "one or more", "Name the folders of evaluated runs.")
    notes = comparability.check_comparable(evaluations)
    metrics = _main_metrics(comparability.shared_metrics(evaluations))
    primary = _find_metric(metrics, metric or _recipes_metric(evaluations))
    pools = pool_trainings(evaluations)
    patients, left_out = _finite_patients(pools, primary)
    figures = {pool.name: _matrix(pool, primary, patients) for pool in pools}
    reference = _reference_name(pools, figures, primary, against)
    secondary = tuple(metric for metric in metrics if metric != primary)
    inputs = ComparisonInputs(primary, secondary, patients, reference, figures, margin, resamples, seed)
    rows = correct_p_values([build_row(pool, inputs) for pool in pools])
    return Comparison(
        primary,
        secondary,
        tuple(patients),
        reference,
        tuple(sorted(rows, key=lambda row: (row.is_oracle, _loss(primary, row.description.mean)))),
        margin,
        _method(rows, reference, resamples, seed),
        (
            *_statistical_notes(rows, len(patients), left_out, against),
            *notes,
            *provenance.starting_notes({pool.name: pool.starts() for pool in pools}),
            *_unrecorded_notes(pools),
        ),
        tuple(evaluations),
    )


def _main_metrics(metrics: Sequence[ComparedMetric]) -> list[ComparedMetric]:
    """Return the metrics inside the mask, or of the whole volume where there are none inside."""
    rankable = [metric for metric in metrics if registry.is_ranked(metric.metric)]
    return [metric for metric in rankable if metric.region in ("mask", "around")] or rankable


def _recipes_metric(evaluations: Sequence[EvaluationRecord]) -> str:
    """Return the primary metric that all recipes name."""
    models: dict[str, str] = {}
    for evaluation in evaluations:
        for name, record in evaluation.content.provenance.models.items():
            models.setdefault(str((record.get("best") or {}).get("metric", "mae")), name)
    if len(models) > 1:
        raise UsageError(
            "E004",
            "; ".join(f"the recipe of {name} is judged by {metric}" for metric, name in models.items()),
            "one primary metric",
            "Choose one with --metric.",
        )
    return next(iter(models), "mae")


def _find_metric(metrics: Sequence[ComparedMetric], name: str) -> ComparedMetric:
    """Return the metric of a name such as `ssim` or `ssim-2d`; in 3D where the name does not say."""
    by_name = {f"{metric.metric}-{metric.dims}d": metric for metric in reversed(metrics)}
    for candidate in (name, f"{name}-3d", f"{name}-2d"):
        if candidate in by_name:
            return by_name[candidate]
    names = list(dict.fromkeys(metric.metric for metric in metrics))
    raise UsageError(
        "E002",
        f"the metric {name}",
        f"{', '.join(names) or 'nothing'}, which all evaluations have",
        suggest(name, [*names, *by_name], "Choose among these, or evaluate the runs again."),
    )


def _finite_patients(pools: Sequence[Pool], metric: ComparedMetric) -> tuple[list[str], list[str]]:
    """Return the patients with a finite figure in every row, and those without."""
    figures = [member.figures(metric) for pool in pools for member in pool.members]
    finite = [
        patient for patient in figures[0] if all(math.isfinite(training[patient]) for training in figures)
    ]
    if not finite:
        raise InputError(
            "E132",
            f"no patient with a finite {metric.metric} in every row",
            "one or more",
            "Compare by another --metric, or leave out the run whose images are identical to the targets.",
        )
    return finite, [patient for patient in figures[0] if patient not in finite]


def _matrix(pool: Pool, metric: ComparedMetric, patients: Sequence[str]) -> Values:
    trainings = [member.figures(metric) for member in pool.members]
    return np.array([[figures[patient] for patient in patients] for figures in trainings], dtype=np.float64)


def _reference_name(
    pools: Sequence[Pool], figures: dict[str, Values], metric: ComparedMetric, against: str | None
) -> str:
    if against is not None:
        if against not in figures:
            raise UsageError("E002", f"no row {against}", ", ".join(figures), "Name one of them.")
        return against
    candidates = [pool.name for pool in pools if not pool.is_oracle] or list(figures)
    return min(candidates, key=lambda name: _loss(metric, float(figures[name].mean())))


def _loss(metric: ComparedMetric, value: float) -> float:
    return -value if registry.higher_is_better(metric.metric) else value


def _method(rows: Sequence[ComparisonRow], reference: str, resamples: int, seed: int) -> str:
    is_pooled = _has_pooled_rows(rows)
    parts = [
        f"Mean and standard deviation over patients{', of their means over seeds' if is_pooled else ''}."
    ]
    if any(row.description.of_mean for row in rows):
        parts.append(
            f"Intervals: 95 %, percentiles of {resamples} bootstrap resamples over patients"
            f"{' and seeds' if is_pooled else ''} (seed {seed}), moved out for the number of patients."
        )
    tests = sum(row.p is not None for row in rows)
    if tests:
        parts.append(
            f"p: two-sided Wilcoxon signed-rank test over patients against {reference}, corrected by Holm over "
            f"{tests} {'test' if tests == 1 else 'tests'}."
        )
    if len(rows) > 1:
        parts.append(
            f"r: matched-pairs rank-biserial correlation, above 0 where figures are higher than those of {reference}."
        )
    return " ".join(parts)


def _has_pooled_rows(rows: Sequence[ComparisonRow]) -> bool:
    return any(row.trainings > 1 for row in rows)


def _statistical_notes(
    rows: Sequence[ComparisonRow], n_patients: int, left_out: Sequence[str], against: str | None
) -> list[str]:
    notes = []
    if too_few(n_patients):
        text = too_few(n_patients)
        notes.append(f"{text[:1].upper()}{text[1:]}.")
    if left_out:
        notes.append(f"Left out, since a figure is not finite in some row: {', '.join(left_out)}.")
    models = [row for row in rows if not row.is_oracle]
    if against is None and len(models) > 1 and n_patients > 1:
        notes.append(
            "The reference was chosen by these very figures, so differences to it look larger than they are; "
            "--against names one beforehand."
        )
    single = [row.name for row in models if row.trainings == 1]
    if single and not too_few(n_patients):
        notes.append(f"One training each: {', '.join(single)}. How trainings vary is not in their intervals.")
    return notes


def _unrecorded_notes(pools: Sequence[Pool]) -> list[str]:
    models = [pool for pool in pools if not pool.is_oracle]
    missing = {
        "Parameters": [pool.name for pool in models if not pool.recorded("parameters")],
        "Training time": [
            pool.name for pool in models if len(pool.recorded("training_seconds")) < len(pool.members)
        ],
        "Time per volume": [pool.name for pool in pools if not pool.seconds()],
    }
    notes = [f"{quantity} not recorded: {', '.join(names)}." for quantity, names in missing.items() if names]
    devices = sorted({device for pool in models for device in pool.devices()})
    if len(devices) > 1:
        notes.append(
            f"Times per volume are of different devices ({', '.join(devices)}): do not compare them."
        )
    return notes
