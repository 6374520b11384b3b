"""Figures of one case of a run whose source was moved, by kind and step: a unit of work."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.store import Cohort
from transmodal.evaluation.score import score
from transmodal.evaluation.task import EvaluationTask
from transmodal.experiments.study.bench import Entrant
from transmodal.experiments.study.scored import read_scored
from transmodal.experiments.study.units import Content
from transmodal.inference.load import load
from transmodal.inference.model import Model
from transmodal.volumes import Volume
from transmodal.volumes.geometry.moves import MoveField, kinds, warp

METRICS = ("mae", "ssim")
_FEWEST = 64


class MovedItem(NamedTuple):
    """A case of a run, as it travels to a process.

    Attributes:
        entrant: the run.
        evaluation: folder of its evaluation, which says target, units and mask.
        cohort: that is scored.
        case: its id.
        moved: source that is moved.
        steps: rising.
        device: where the run translates.
    """

    entrant: Entrant
    evaluation: Path
    cohort: Path
    case: str
    moved: str
    steps: tuple[float, ...]
    device: str | None


class _Scene(NamedTuple):
    """A case with all that its figures are taken with."""

    sources: Mapping[str, Volume]
    target: Volume
    mask: NDArray[np.bool_]
    task: EvaluationTask
    baseline: Volume
    moved: str


def measure_moved(item: MovedItem) -> Content:
    """Return a case's figures by kind and step.

    Returns:
        `rows`: with `kind`, `step`, `mae`, `ssim`, and both `at rest`: of the source where it lay, in the same voxels.
        A source beside others leaves the target where it is. A run's only source takes the target along: there the
        synthetic volume is moved back, that at rest there and back, and voxels that left the field of view are left
        out. A step that leaves fewer than 64 voxels has no row.
    """
    scored = read_scored(item.evaluation, Cohort.open(item.cohort))
    case = next(case for case in scored.cases() if case.id == item.case)
    model = load(item.entrant.folder, device=item.device)
    sources = {name: case.volume(name) for name in item.entrant.recipe.task.source if name in case.modalities}
    target, mask = scored.target(case), case.mask()
    inside = np.ones(target.grid.shape, bool) if mask is None else mask
    baseline = _translate(model, sources)
    scene = _Scene(sources, target, inside, scored.task, baseline, item.moved)
    seed = zlib.crc32(item.case.encode())
    rows = []
    for n, kind in enumerate(kinds()):
        for step in item.steps:
            field = kind.make(step, target.grid, np.random.default_rng([seed, n]))
            figures = _measure(model, scene, field)
            rows += [{"kind": kind.name, "step": step, **figures}] if figures else []
    return {"case": case.id, "patient": case.patient, "unit": scored.task.unit, "rows": rows}


def _measure(model: Model, scene: _Scene, field: MoveField) -> dict[str, float]:
    moved = {**scene.sources, scene.moved: warp(scene.sources[scene.moved], field.outward)}
    synthetic, baseline, mask = _translate(model, moved), scene.baseline, scene.mask
    if len(scene.sources) == 1:
        # Both ways cost the baseline as much, so that interpolation is no part of the difference.
        baseline = warp(warp(baseline, field.outward), field.back)
        synthetic, mask = warp(synthetic, field.back), mask & field.returns
    if mask.sum() < _FEWEST:
        return {}
    own, at_rest = (_score(scene, volume, mask) for volume in (synthetic, baseline))
    return {**own, **{f"{name} at rest": value for name, value in at_rest.items()}}


def _translate(model: Model, sources: Mapping[str, Volume]) -> Volume:
    """Translate through the users' door; the gate would refuse what is planted here."""
    return model.translate(sources, gate="off").volume


def _score(scene: _Scene, synthetic: Volume, mask: NDArray[np.bool_]) -> dict[str, float]:
    """Return the figures inside a mask, SSIM in 3D."""
    task = scene.task
    values = score(
        scene.target,
        synthetic,
        mask,
        modality=task.target,
        data_range=task.data_range,
        unit=task.unit,
        metrics=METRICS,
        target_normalised=task.reference is not None,
        mask_text=task.mask_text,
    )
    inside = [value for value in values if value.protocol.region == "mask" and value.protocol.dims == 3]
    return {value.metric: float(value.value) for value in inside}
