"""Inputs of a comparison's rows: its metrics, patients, reference row and figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from transmodal.errors import InputError, UsageError, suggest
from transmodal.evaluation.compare import comparability
from transmodal.evaluation.compare.comparability import ComparedMetric
from transmodal.evaluation.compare.pooling import Pool
from transmodal.evaluation.records.read import EvaluationRecord
from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.metrics import registry


class Bootstrap(NamedTuple):
    """Settings of the bootstrap: how many resamples, and the seed of their drawing."""

    resamples: int
    seed: int


class ComparisonInputs(NamedTuple):
    """Figures and settings that all rows of a table are computed from.

    Attributes:
        primary: the metric that is compared.
        secondary: metrics shown beside it.
        patients: ids, in order.
        left_out: ids of patients without a finite figure in some row.
        reference: name of the row that all rows are compared with.
        is_reference_best: whether it is the model with the best mean, and not one that was named beforehand.
        figures: of every row, `(seeds, patients)`.
        margin: of non-inferiority; None without.
        bootstrap: settings of intervals.
    """

    primary: ComparedMetric
    secondary: tuple[ComparedMetric, ...]
    patients: tuple[str, ...]
    left_out: tuple[str, ...]
    reference: str
    is_reference_best: bool
    figures: Mapping[str, Values]
    margin: float | None
    bootstrap: Bootstrap


def select_inputs(
    evaluations: Sequence[EvaluationRecord],
    pools: Sequence[Pool],
    *,
    metric: str | None,
    against: str | None,
    margin: float | None,
    bootstrap: Bootstrap,
) -> ComparisonInputs:
    """Choose metrics, patients and the reference row, and collect every row's figures.

    Args:
        evaluations: comparable ones.
        pools: rows of the table.
        metric: name of the primary metric; None takes the recipes'.
        against: name of the reference row; None takes the model with the best mean.
        margin: of non-inferiority; None without.
        bootstrap: settings of intervals.

    Raises:
        InputError: E132 when no patient has a finite figure in every row.
        UsageError: E002 for an unknown metric or row, E004 where recipes name different metrics.
    """
    metrics = _main_metrics(comparability.shared_metrics(evaluations))
    primary = _find_metric(metrics, metric or _recipes_metric(evaluations))
    patients, left_out = _finite_patients(pools, primary)
    figures = {pool.name: _matrix(pool, primary, patients) for pool in pools}
    return ComparisonInputs(
        primary,
        tuple(candidate for candidate in metrics if candidate != primary),
        tuple(patients),
        tuple(left_out),
        _reference_name(pools, figures, primary, against),
        against is None,
        figures,
        margin,
        bootstrap,
    )


def loss(metric: ComparedMetric, value: float) -> float:
    """Return a figure so that smaller is better, whichever way the metric is."""
    return -value if registry.higher_is_better(metric.metric) else value


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
    pools: Sequence[Pool], figures: Mapping[str, Values], metric: ComparedMetric, against: str | None
) -> str:
    if against is not None:
        if against not in figures:
            raise UsageError("E002", f"no row {against}", ", ".join(figures), "Name one of them.")
        return against
    candidates = [pool.name for pool in pools if not pool.is_oracle] or list(figures)
    return min(candidates, key=lambda name: loss(metric, float(figures[name].mean())))
