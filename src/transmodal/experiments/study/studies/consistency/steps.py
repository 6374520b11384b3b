"""Steps from slice to slice of one case along each axis, of the synthetic volume against the target: a unit of work."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.store import Cohort
from transmodal.experiments.study.scored import read_scored
from transmodal.experiments.study.units import Content
from transmodal.volumes import Volume

AXES = {"x": "LR", "y": "AP", "z": "IS"}
"""Directions that slices of an axis follow one another in."""
FEWEST = 20
"""Voxels that two neighbouring slices have to share inside the mask."""
Mask = NDArray[np.bool_]
Float = NDArray[np.float64]


class StepItem(NamedTuple):
    """A case of an evaluation, as it travels to a process.

    Attributes:
        row: the run's name in the evaluation, which says by which passes it translated.
        evaluation: folder of the evaluation, with volumes.
        cohort: that is scored.
        case: its id.
    """

    row: str
    evaluation: Path
    cohort: Path
    case: str


class AxisSteps(NamedTuple):
    """Steps between neighbouring slices along one axis, in the unit of the values.

    Attributes:
        error: mean size of the step of the error, voxel by voxel.
        size: mean size of the step of the synthetic volume.
        target: of the target.
        offset: what whole slices are off by against their neighbours: root mean square, over pairs of slices, of the mean
            step of the error.
        pairs: of slices.
    """

    error: float
    size: float
    target: float
    offset: float
    pairs: int


def measure_steps(item: StepItem) -> Content:
    """Return a case's steps by axis, as `AxisSteps` has them; an axis without pairs of slices is left out."""
    scored = read_scored(item.evaluation, Cohort.open(item.cohort))
    case = next(case for case in scored.cases() if case.id == item.case)
    target, mask = scored.target(case), case.mask()
    inside = np.ones(target.grid.shape, bool) if mask is None else mask
    synthetic = scored.synthetic(item.row, case)
    steps = {
        axis: take_steps(grey(target), grey(synthetic), inside, voxel_axis(target, axis)) for axis in AXES
    }
    return {
        "case": case.id,
        "patient": case.patient,
        "unit": scored.task.unit,
        "spacing_mm": {axis: target.spacing[voxel_axis(target, axis)] for axis in AXES},
        "steps": {axis: values._asdict() for axis, values in steps.items() if values is not None},
    }


def take_steps(target: Float, synthetic: Float, mask: Mask, axis: int) -> AxisSteps | None:
    """Return the steps along a voxel axis; None without two slices that share enough of the mask.

    Args:
        target: `(I, J, K)`.
        synthetic: of the same shape.
        mask: of the same shape; a step counts where both slices lie in it.
        axis: 0 to 2.
    """
    planes, images = np.moveaxis(target, axis, 0), np.moveaxis(synthetic, axis, 0)
    masks = np.moveaxis(mask, axis, 0)
    shared = masks[1:] & masks[:-1]
    step_indices = np.flatnonzero(shared.sum(axis=(1, 2)) >= FEWEST)
    if not len(step_indices):
        return None
    of_target, of_image = np.diff(planes, axis=0), np.diff(images, axis=0)
    step_masks, error = shared[step_indices], (of_image - of_target)[step_indices]
    means = np.array([step[step_mask].mean() for step, step_mask in zip(error, step_masks, strict=True)])
    return AxisSteps(
        float(np.abs(error[step_masks]).mean()),
        float(np.abs(of_image[step_indices][step_masks]).mean()),
        float(np.abs(of_target[step_indices][step_masks]).mean()),
        float(np.sqrt((means**2).mean())),
        len(step_indices),
    )


def voxel_axis(volume: Volume, axis: str) -> int:
    """Return the voxel axis along which slices of `x`, `y` or `z` follow one another."""
    return next(n for n, letter in enumerate(volume.orientation) if letter in AXES[axis])


def grey(volume: Volume) -> Float:
    """Return the values as one channel; of colour, the channels' mean."""
    voxels: Float = volume.voxels.astype(np.float64)
    return voxels.mean(axis=-1) if volume.is_colour else voxels
