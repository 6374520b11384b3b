"""Captions, headings and notes of a comparison's tables."""

from __future__ import annotations

from transmodal.counts import counted
from transmodal.evaluation.compare.comparability import ComparedMetric
from transmodal.evaluation.compare.compare import Comparison
from transmodal.evaluation.drawing.words import protocol_lines
from transmodal.metrics import registry
from transmodal.notice import INTENDED_USE


def table_caption(comparison: Comparison) -> str:
    """Return metric, patients, split and cohort in one sentence."""
    cohort = comparison.evaluations[0].content.provenance.cohort
    return (
        f"{metric_title(comparison, comparison.primary)} on {counted(len(comparison.patients), 'patient')} of the "
        f"{cohort.split} split of the cohort {cohort.name} ({cohort.digest[:12]})."
    )


def table_notes(comparison: Comparison) -> list[str]:
    """Return protocols, method, limits and the intended use, one sentence each."""
    metrics = (comparison.primary, *comparison.secondary)
    protocols = protocol_lines((metric.protocol, _metric_name(comparison, metric)) for metric in metrics)
    return [*protocols, comparison.method, *comparison.notes, INTENDED_USE]


def metric_heading(comparison: Comparison, metric: ComparedMetric) -> str:
    """Return a metric's name, unit and direction."""
    return f"{metric_title(comparison, metric)} {'↑' if registry.higher_is_better(metric.metric) else '↓'}"


def metric_title(comparison: Comparison, metric: ComparedMetric) -> str:
    """Return a metric's name and unit."""
    name = _metric_name(comparison, metric)
    return name if metric.unit == "1" else f"{name} ({metric.unit})"


def _metric_name(comparison: Comparison, metric: ComparedMetric) -> str:
    """Return the metric's name; with its dimensions where the table has it in 2D and in 3D."""
    metrics = (comparison.primary, *comparison.secondary)
    dimensions = {candidate.dims for candidate in metrics if candidate.metric == metric.metric}
    name = metric.metric.upper().replace("_", "-")
    return f"{name} {metric.dims}D" if len(dimensions) > 1 else name
