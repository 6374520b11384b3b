"""Sentences below a comparison: how it was computed, and its limits."""

from __future__ import annotations

from collections.abc import Sequence

from transmodal.counts import counted
from transmodal.evaluation.compare.inputs import ComparisonInputs
from transmodal.evaluation.compare.pooling import Pool
from transmodal.evaluation.compare.row import ComparisonRow
from transmodal.evaluation.drawing.words import sentence
from transmodal.evaluation.statistics.paired_tests import too_few


def describe_method(rows: Sequence[ComparisonRow], inputs: ComparisonInputs) -> str:
    """Return how intervals and tests were computed, in sentences."""
    resamples, seed = inputs.bootstrap
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
            f"p: two-sided Wilcoxon signed-rank test over patients against {inputs.reference}, corrected by Holm over "
            f"{counted(tests, 'test')}."
        )
    if len(rows) > 1:
        parts.append(
            f"r: matched-pairs rank-biserial correlation, above 0 where figures are higher than those of {inputs.reference}."
        )
    return " ".join(parts)


def statistical_notes(rows: Sequence[ComparisonRow], inputs: ComparisonInputs) -> list[str]:
    """Return the limits of a comparison's statistics: few patients, patients left out, one training."""
    n_patients = len(inputs.patients)
    notes = [sentence(too_few(n_patients))] if too_few(n_patients) else []
    if inputs.left_out:
        notes.append(f"Left out, since a figure is not finite in some row: {', '.join(inputs.left_out)}.")
    models = [row for row in rows if not row.is_oracle]
    if inputs.is_reference_best and len(models) > 1 and n_patients > 1:
        notes.append(
            "The reference was chosen by these very figures, so differences to it look larger than they are; "
            "--against names one beforehand."
        )
    single = [row.name for row in models if row.trainings == 1]
    if single and not too_few(n_patients):
        notes.append(f"One training each: {', '.join(single)}. How trainings vary is not in their intervals.")
    return notes


def recording_notes(pools: Sequence[Pool]) -> list[str]:
    """Return which sizes and times are not recorded, or of devices that differ."""
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


def _has_pooled_rows(rows: Sequence[ComparisonRow]) -> bool:
    return any(row.trainings > 1 for row in rows)
