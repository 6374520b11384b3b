"""Intensity maps of a training case, fitted where its images are looked at."""

from __future__ import annotations

from transmodal.cohorts.store import PreparedCase
from transmodal.data.stream import StreamCase
from transmodal.recipes.schema import Recipe
from transmodal.translators._base import OutputRange
from transmodal.volumes.intensity import fit


def fit_maps(case: PreparedCase, recipe: Recipe, output_range: OutputRange) -> StreamCase:
    """Return a case with a map of each modality of the task that it has; None for those that it lacks.

    All are fitted in the region of the first source, or of the target in a case without it.

    Args:
        case: of the training split.
        recipe: resolved.
        output_range: of the translator, to which the target is mapped.

    Raises:
        InputError: E131 when the region was not prepared.
    """
    task, data = recipe.task, recipe.data
    modalities = [name for name in (*task.source, task.target) if name in case.modalities]
    voxels = {name: case.volume(name).voxels for name in modalities}
    first = task.source[0]
    region = case.region(first if first in voxels else task.target, data.region)
    sources = [fit(data.spec(name), voxels[name], region) if name in voxels else None for name in task.source]
    target = None
    if task.target in voxels:
        target = fit(data.spec(task.target), voxels[task.target], region, range=output_range)
    return StreamCase(case, tuple(sources), target)
