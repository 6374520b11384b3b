"""Figures of one case translated along x, along y, along z, and along all three fused: a unit of work."""

from __future__ import annotations

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
from transmodal.metrics import uncertainty
from transmodal.metrics.paper2d import SliceScores, pool, score_slices
from transmodal.metrics.table import finite
from transmodal.modalities import modality_in
from transmodal.volumes import Volume

PLANES = {"x": "LR", "y": "AP", "z": "IS"}
"""Directions that slices of an axis follow one another in."""
FUSED, POOLED = "fused", "own planes pooled"
METRICS = ("mae", "psnr", "ssim")
Mask = NDArray[np.bool_]


class PlaneItem(NamedTuple):
    """A case of a run, as it travels to a process.

    Attributes:
        entrant: the run.
        evaluation: folder of its evaluation, which says target, units and mask.
        cohort: that is scored.
        case: its id.
        device: where the run translates.
    """

    entrant: Entrant
    evaluation: Path
    cohort: Path
    case: str
    device: str | None


class _Scene(NamedTuple):
    """A case's target and mask, and the task that says how they are scored."""

    target: Volume
    mask: Mask
    task: EvaluationTask

    @property
    def ends(self) -> tuple[float, float]:
        """Lowest and highest value of the target's range."""
        reference = self.task.reference
        low = None if reference is None else reference.map.low
        start = float(modality_in(self.task.unit).background) if low is None else float(low)
        return start, start + self.task.data_range


def measure_planes(item: PlaneItem) -> Content:
    """Return a case's figures by pass, and what their spread says of the error.

    Returns:
        `volumes`: metrics inside the mask by pass, `fused` the last; `slices`: the fields of `SliceScores`, of every
        pass along its own axis, of all three pooled, and of the fused volume sliced along all three; `spread`: of the
        fused volume's disagreement, and of the edges of its image in the disagreement's place.
    """
    scored = read_scored(item.evaluation, Cohort.open(item.cohort))
    case = next(case for case in scored.cases() if case.id == item.case)
    model = load(item.entrant.folder, device=item.device)
    sources = {name: case.volume(name) for name in item.entrant.recipe.task.source if name in case.modalities}
    target, mask = scored.target(case), case.mask()
    scene = _Scene(target, np.ones(target.grid.shape, bool) if mask is None else mask, scored.task)
    passes = {axis: model.translate(sources, axes=(axis,), gate="off").volume for axis in PLANES}
    fused = model.translate(sources, axes=tuple(PLANES), gate="off")
    assert fused.disagreement is not None  # of three passes there is one
    volumes = {**passes, FUSED: fused.volume}
    return {
        "case": case.id,
        "patient": case.patient,
        "unit": scored.task.unit,
        "volumes": {name: _score(scene, volume) for name, volume in volumes.items()},
        "slices": {name: _record(scores) for name, scores in _score_slices(scene, volumes).items()},
        "spread": {
            "planes": _judge(scene, fused.volume, fused.disagreement.voxels),
            "edges": _judge(scene, fused.volume, edges(fused.volume)),
        },
    }


def edges(volume: Volume) -> NDArray[np.float64]:
    """Return the length of an image's gradient at every voxel, per mm, in the shape of its voxels."""
    values = volume.voxels.astype(np.float64)
    slopes = np.gradient(values, *volume.spacing, axis=(0, 1, 2))
    length: NDArray[np.float64] = np.sqrt(sum(slope**2 for slope in slopes))
    return length


def axis_of(volume: Volume, plane: str) -> int:
    """Return the voxel axis along which slices of `x`, `y` or `z` follow one another."""
    return next(axis for axis, letter in enumerate(volume.orientation) if letter in PLANES[plane])


def _score_slices(scene: _Scene, volumes: Mapping[str, Volume]) -> dict[str, SliceScores]:
    def take(volume: Volume, plane: str) -> SliceScores:
        return score_slices(
            scene.target.voxels,
            volume.voxels,
            axis=axis_of(scene.target, plane),
            ends=scene.ends,
            mask=scene.mask,
        )

    own = {plane: take(volumes[plane], plane) for plane in PLANES}
    return {**own, POOLED: pool(own.values()), FUSED: pool(take(volumes[FUSED], plane) for plane in PLANES)}


def _record(scores: SliceScores) -> dict[str, float | None]:
    return {name: finite(float(value)) for name, value in scores._asdict().items()}


def _score(scene: _Scene, synthetic: Volume) -> dict[str, float | None]:
    """Return the figures inside the mask, in 3D; None for the PSNR of a volume that equals its target."""
    task = scene.task
    values = score(
        scene.target,
        synthetic,
        scene.mask,
        modality=task.target,
        data_range=task.data_range,
        unit=task.unit,
        metrics=METRICS,
        target_normalised=task.reference is not None,
        mask_text=task.mask_text,
    )
    inside = [value for value in values if value.protocol.region == "mask" and value.protocol.dims == 3]
    return {value.metric: finite(float(value.value)) for value in inside}


def _judge(scene: _Scene, synthetic: Volume, spread: NDArray[np.floating]) -> Content:
    """Return how well a map orders voxels by their error."""
    quality = uncertainty.measure(scene.target.voxels, synthetic.voxels, spread, mask=scene.mask)
    return {
        "spearman": finite(quality.spearman),
        "ause": finite(quality.sparsification.ause),
        "ause of a random order": finite(quality.sparsification.random),
        "mean": float(np.mean(quality.tenths.disagreement)),
        "spread by tenth": list(quality.tenths.disagreement),
        "error by tenth": list(quality.tenths.error),
    }


def trained_axes(entrant: Entrant) -> tuple[str, ...]:
    """Return the axes along which a run saw slices in training."""
    return tuple(entrant.recipe.windows.axes)


def obstacle(entrant: Entrant) -> str:
    """Return why a run cannot go through a volume along every axis; nothing where it can."""
    windows = entrant.recipe.windows
    if windows.kind == "patch":
        return "it was trained on 3D patches, which lie along no axis"
    if windows.plane_channels and set(windows.axes) != set(PLANES):
        return f"it is told its plane, and knows {', '.join(windows.axes)} alone"
    return ""
