"""A segmenter given the measured contrasts of a case, and the synthetic one in the measured one's place: a unit of work."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.store import Cohort
from transmodal.evaluation.learned.segmenter import open_onnx
from transmodal.experiments.study.bench import Entrant
from transmodal.experiments.study.scored import read_scored
from transmodal.experiments.study.studies.consistency.classifier import (
    LabelGaussians,
    read_gaussians,
    standardise,
    take_features,
)
from transmodal.experiments.study.units import Content
from transmodal.metrics.regions.overlap import dice
from transmodal.volumes import Volume

MEASURED, SYNTHETIC, WITHOUT = "measured", "synthetic", "without"
Values = Literal["zscore", "real"]
Mask = NDArray[np.bool_]
Labels = NDArray[np.int64]
_SEED = 2024


class PutInItem(NamedTuple):
    """A case of a run, as it travels to a process.

    Attributes:
        entrant: the run.
        evaluation: folder of its evaluation, with volumes.
        cohort: that is scored.
        case: its id.
        contrasts: of the segmenter, in its order; the run's target is among them.
        segmenter: ONNX file; None takes the Gaussians.
        gaussians: content of `classifier.learn_gaussians`, where there is no segmenter.
        values: that the segmenter gets.
    """

    entrant: Entrant
    evaluation: Path
    cohort: Path
    case: str
    contrasts: tuple[str, ...]
    segmenter: Path | None
    gaussians: Content
    values: Values


def measure_put_in(item: PutInItem) -> Content:
    """Return a case's Dice by what stood in the target's place, by structure.

    Returns:
        `dice`: by condition and label, of structures that the reference has: its segmentation, or where there is none the
        segmenter's own labels of the measured contrasts. `measured`: as it is; `synthetic`: the run's volume; `without`:
        no target at all for the classifier, and for a segmenter the target's values shuffled over the mask, which says how
        much hangs on it.
    """
    scored = read_scored(item.evaluation, Cohort.open(item.cohort))
    case = next(case for case in scored.cases() if case.id == item.case)
    contrast_case = Cohort.open(item.cohort).named_for(item.contrasts).case(item.case)
    mask = case.mask()
    inside = np.ones(case.grid.shape, bool) if mask is None else mask
    target = item.entrant.recipe.task.target
    volumes = {name: contrast_case.volume(name) for name in item.contrasts} | {target: scored.target(case)}
    synthetic = scored.synthetic(scored.names[0], case)
    label = _label_without if item.segmenter is None else _label_shuffled
    labels = {
        MEASURED: _label(item, volumes, inside),
        SYNTHETIC: _label(item, {**volumes, target: synthetic}, inside),
        WITHOUT: label(item, volumes, inside),
    }
    own = case.segmentation()
    reference = labels[MEASURED] if own is None else own.astype(np.int64)
    return {
        "case": case.id,
        "patient": case.patient,
        "has reference": own is not None,
        "dice": {name: _dice(reference, label_map, inside) for name, label_map in labels.items()},
    }


def _label(item: PutInItem, volumes: Mapping[str, Volume], mask: Mask) -> Labels:
    """Return the labels that the segmenter, or the classifier, makes of contrasts in their order."""
    contrasts = [_prepare(volumes[name], mask, item.values) for name in item.contrasts]
    if item.segmenter is not None:
        return open_onnx(item.segmenter)(*contrasts)
    return _classify(read_gaussians(item.gaussians), contrasts, mask)


def _label_without(item: PutInItem, volumes: Mapping[str, Volume], mask: Mask) -> Labels:
    """Return the labels that the classifier makes of the contrasts other than the target."""
    place = item.contrasts.index(item.entrant.recipe.task.target)
    other_contrasts = [
        standardise(volumes[name], mask) for n, name in enumerate(item.contrasts) if n != place
    ]
    return _classify(read_gaussians(item.gaussians).without(place), other_contrasts, mask)


def _label_shuffled(item: PutInItem, volumes: Mapping[str, Volume], mask: Mask) -> Labels:
    """Return the labels that the segmenter makes when the target's values have lost their place."""
    target = item.entrant.recipe.task.target
    voxels = volumes[target].voxels.copy()
    voxels[mask] = np.random.default_rng(_SEED).permutation(voxels[mask])
    return _label(item, {**volumes, target: volumes[target].with_voxels(voxels)}, mask)


def _classify(gaussians: LabelGaussians, contrasts: list[Volume], mask: Mask) -> Labels:
    labels = np.zeros(mask.shape, np.int64)
    labels[mask] = gaussians.classify(take_features(contrasts, mask))
    return labels


def _prepare(volume: Volume, mask: Mask, values: Values) -> Volume:
    return volume if values == "real" else standardise(volume, mask)


def _dice(reference: Labels, labels: Labels, mask: Mask) -> Mapping[str, float]:
    """Return the Dice of every structure that the reference has inside the mask."""
    structures = [int(label) for label in np.unique(reference[mask]) if label > 0]
    return {str(label): dice((reference == label) & mask, (labels == label) & mask) for label in structures}
