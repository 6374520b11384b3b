"""One case of an evaluation: the target as it is compared, figures, errors by size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.store import PreparedCase
from transmodal.errors import InputError
from transmodal.evaluation.learned.base import CasePair
from transmodal.evaluation.measures.histogram import Counts, count_errors
from transmodal.evaluation.score import in_reference_units, score
from transmodal.evaluation.task import EvaluationTask, Reference
from transmodal.metrics.protocol import MetricValue
from transmodal.metrics.registry import any_needs
from transmodal.metrics.table import Row
from transmodal.modalities import ROBUST
from transmodal.volumes import Volume, intensity


def read_target(case: PreparedCase, task: EvaluationTask) -> Volume:
    """Return the target as it is compared: as measured, or in the training cohort's units."""
    target = case.volume(task.target)
    return target if task.reference is None else in_units_of(task.reference, case, target)


def in_units_of(reference: Reference, case: PreparedCase, target: Volume) -> Volume:
    """Return a case's target as measured, scaled to the training cohort's units by its own intensities."""
    # Fitted where training fitted: over another region the same image would have another scale.
    inside = case.region(reference.source, reference.region)
    own = intensity.fit(reference.map.spec, target.voxels, inside, range=reference.map.range)
    return in_reference_units(target, own, reference.map)


def measure_case(
    case: PreparedCase, target: Volume, synthetic: Volume, task: EvaluationTask, metrics: Sequence[str]
) -> list[MetricValue]:
    """Take the figures of a synthetic volume, inside the case's mask and whole.

    Raises:
        InputError: E131 for figures of organs of a case without labels, and as `score`.
    """
    values = score(
        target,
        synthetic,
        case.mask(),
        modality=task.target,
        data_range=task.data_range,
        unit=task.unit,
        metrics=metrics,
        target_normalised=task.reference is not None,
        mask_text=task.mask_text,
        source=_read_source(case, task.sources[0]) if any_needs(metrics, "source") else None,
        labels=_read_labels(case) if any_needs(metrics, "labels") else None,
    )
    return stamp_adaptation(values, task)


def stamp_adaptation(values: Iterable[MetricValue], task: EvaluationTask) -> list[MetricValue]:
    """Return figures under a protocol that says whether synthetic volumes were resampled or fitted."""
    return [
        value._replace(protocol=replace(value.protocol, resampled=task.has_resampled, fitted=task.has_fitted))
        for value in values
    ]


def _read_source(case: PreparedCase, name: str) -> NDArray[np.float32]:
    """Return a source in [0, 1] by the map that `prepare` fitted, colour as the mean of its channels."""
    volume, own = case.volume(name), case.intensity(name)
    if own.low is None or own.high is None:
        own = intensity.fit(ROBUST, volume.voxels, case.mask())
    low, high = float(own.low or 0.0), float(own.high or 0.0)
    grey = volume.voxels.mean(axis=-1) if volume.is_colour else volume.voxels
    scaled: NDArray[np.float32] = np.clip((grey.astype(np.float32) - low) / (high - low), 0, 1)
    return scaled


def _read_labels(case: PreparedCase) -> NDArray[np.integer[Any]]:
    """Return a case's labels.

    Raises:
        InputError: E131 where it has none.
    """
    labels = case.segmentation()
    if labels is None:
        raise InputError(
            "E131",
            f"case {case.id} without a segmentation",
            "labels of organs, for the metrics *_organs",
            "Prepare the cohort with a segmentation per case, or leave these metrics out.",
        )
    return labels


def build_pair(
    case: PreparedCase, name: str, target: Volume, synthetic: Volume, task: EvaluationTask
) -> CasePair:
    """Return the pair that networks measure: the target and a translator's volume of it."""
    return CasePair(
        case.id,
        name,
        target,
        synthetic,
        case.mask(),
        task.unit,
        task.data_range,
        task.mask_text,
    )


def count_case_errors(case: PreparedCase, target: Volume, synthetic: Volume, task: EvaluationTask) -> Counts:
    """Count the voxels inside the case's mask by how much they err; everywhere without a mask."""
    mask = case.mask()
    inside = np.ones(target.grid.shape, bool) if mask is None else mask
    return count_errors(target.voxels[inside], synthetic.voxels[inside], task.data_range)


def build_row(case: PreparedCase, name: str, value: MetricValue) -> Row:
    """Return a figure as a row of the table."""
    return Row(case.id, case.patient, name, value.metric, value.value, value.unit, value.protocol)
