"""What is taken of one case: the target as it is compared, figures, errors by size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from transmodal.cohorts.store import PreparedCase
from transmodal.evaluation.histogram import Counts, counted
from transmodal.evaluation.judge import Pair
from transmodal.evaluation.result import Subject
from transmodal.evaluation.score import Measured, in_reference_units, score
from transmodal.metrics.table import Row
from transmodal.volumes import Volume, intensity


def truth(case: PreparedCase, subject: Subject) -> Volume:
    """Return the target as it is compared: as measured, or in the training cohort's units."""
    target, reference = case.volume(subject.target), subject.reference
    if reference is None:
        return target
    # Fitted where training fitted: over another region the same image would have another scale.
    inside = case.region(reference.source, reference.region)
    own = intensity.fit(reference.map.spec, target.voxels, inside, range=reference.map.range)
    return in_reference_units(target, own, reference.map)


def figures(
    case: PreparedCase, target: Volume, synthetic: Volume, subject: Subject, metrics: Sequence[str]
) -> list[Measured]:
    """Take the figures of a synthetic volume, inside the case's mask and whole."""
    return score(
        target,
        synthetic,
        case.mask(),
        modality=subject.target,
        data_range=subject.data_range,
        unit=subject.unit,
        metrics=metrics,
        target_normalised=subject.reference is not None,
    )


def pair(case: PreparedCase, name: str, target: Volume, synthetic: Volume, subject: Subject) -> Pair:
    """Return what networks judge: the target and what a translator made of it."""
    return Pair(case.id, name, target, synthetic, case.mask(), subject.unit, subject.data_range)


def errors(case: PreparedCase, target: Volume, synthetic: Volume, subject: Subject) -> Counts:
    """Count the voxels inside the case's mask by how much they err; everywhere without a mask."""
    mask = case.mask()
    inside = np.ones(target.grid.shape, bool) if mask is None else mask
    return counted(target.voxels[inside], synthetic.voxels[inside], subject.data_range)


def row(case: PreparedCase, name: str, one: Measured) -> Row:
    """Return a figure as a row of the table."""
    return Row(case.id, case.patient, name, one.metric, one.value, one.unit, one.protocol)
