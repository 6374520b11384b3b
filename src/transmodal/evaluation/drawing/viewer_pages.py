"""Viewer pages beside a report: every case's sources, target, synthetic volumes, differences and disagreements."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import UsageError
from transmodal.evaluation.drawing.figures import label
from transmodal.viewing.folder import ViewerFolder
from transmodal.viewing.layers import Layer, difference
from transmodal.volumes import Volume

if TYPE_CHECKING:
    from transmodal.evaluation.task import EvaluationTask


def open_pages(output: Path | None, *, is_requested: bool) -> ViewerFolder | None:
    """Return the folder that pages are written into; None where none are asked for.

    Raises:
        UsageError: E004 without a folder for the report, and as `ViewerFolder`.
        ResourceError: as `ViewerFolder`.
    """
    if not is_requested:
        return None
    if output is None:
        raise UsageError("E004", "viewer pages and no folder", "a folder for them", "Give an output.")
    return ViewerFolder(output)


def write_cohort_pages(cohort: Cohort) -> ViewerFolder:
    """Write a page for every case of a prepared cohort into its folder; what is simulated counts as synthetic.

    Raises:
        IntegrityError: E501 when an array is not there.
        ResourceError, UsageError: as `ViewerFolder`.
    """
    pages = ViewerFolder(cohort.folder)
    for entry in cohort.manifest.cases:
        case = PreparedCase(cohort.folder, entry)
        pages.add(
            case.id, [_layer(case, name, case.entry.volumes[name].simulated) for name in case.modalities]
        )
    return pages


def add_page(
    pages: ViewerFolder,
    case: PreparedCase,
    task: EvaluationTask,
    target: Volume,
    synthetic: Mapping[str, Volume],
    disagreements: Mapping[str, Volume],
) -> None:
    """Write the page of an evaluated case.

    Args:
        pages: the report's.
        case: the case.
        task: names sources and target.
        target: as it is compared.
        synthetic: on the target's grid, by translator; oracles are among them.
        disagreements: of those translators that have one.

    Raises:
        ResourceError: E403 where it cannot be written.
    """
    truth = Layer(
        f"target {label(task.target)}",
        _displayable(target),
        task.target,
        is_synthetic=task.target in task.simulated,
    )
    layers = [truth, *(_layer(case, name, name in task.simulated) for name in task.sources)]
    for name, volume in synthetic.items():
        result = Layer(name, _displayable(volume), task.target, is_synthetic=True)
        layers += [result, difference([truth, result])]
    for name, spread in disagreements.items():
        grey = spread.with_voxels(spread.voxels.mean(axis=-1)) if spread.is_colour else spread
        layers.append(Layer(f"{name}: disagreement of its passes", grey, task.target, "spread", True))
    pages.add(case.id, layers)


def _layer(case: PreparedCase, name: str, is_simulated: bool) -> Layer:
    return Layer(label(name), _displayable(case.volume(name)), name, is_synthetic=is_simulated)


def _displayable(volume: Volume) -> Volume:
    """Return a volume whose colour, where it has any, is of bytes."""
    if not volume.is_colour:
        return volume
    return volume.with_voxels(volume.voxels.round().clip(0, 255).astype(np.uint8))
