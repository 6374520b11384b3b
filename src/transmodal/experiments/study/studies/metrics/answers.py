"""Answers of every metric to every distortion of one case: a unit of work."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError
from transmodal.evaluation.score import range_of, score, unit_of
from transmodal.experiments.study.studies.metrics.distortions import Distortion, MeasuredScene, distortions
from transmodal.experiments.study.units import Content
from transmodal.metrics import registry
from transmodal.metrics.measure import applicable
from transmodal.metrics.pair import ImagePair
from transmodal.modalities import modality_of
from transmodal.volumes import Volume, intensity

LESION = "lesion"
"""Name of the segmentation's label that lesions have."""


class DistortedCase(NamedTuple):
    """A case, as it travels to a process.

    Attributes:
        case: its id.
        cohort: folder.
        modality: that is distorted.
        metrics: names; empty takes all that apply.
        data_range: of the protocol.
        unit: of the values, where it is not the modality's own.
        seed: of draws.
    """

    case: str
    cohort: Path
    modality: str
    metrics: tuple[str, ...]
    data_range: float
    unit: str
    seed: int


def range_in(cohort: Cohort, modality: str, unit: str) -> float:
    """Return the data range: the modality's own, or that of the training cases' robust map.

    Raises:
        UsageError: E001 where there is neither.
    """
    maps = [
        intensity.fit(modality_of(modality).intensity, case.volume(modality).voxels, case.mask())
        for case in cohort.cases("train")
        if modality in case.modalities
    ]
    return range_of(modality, intensity.cohort_map(maps) if maps else None, unit)


def answer_case(item: DistortedCase) -> Content:
    """Return the metrics' values of a case's distorted images.

    Returns:
        `answers`: value by metric and dimension, by distortion, in order of rising strength; the first value is the
        metric's of the image itself. None is an infinite value, which PSNR has of an image that nothing was done to; a
        metric with a value that is no number is left out. `without`: distortions that the case has nothing for.
    """
    cohort = Cohort.open(item.cohort)
    case = cohort.case(item.case)
    reference, scene = _scene(case, item, _lesion_labels(cohort))
    names = item.metrics or _applicable(reference, scene, item)
    itself = _score(reference, scene.image, scene, item, names)
    answers: dict[str, dict[str, list[float]]] = {name: {} for name in itself}
    without = []
    for distortion in distortions():
        values = _strengths(distortion, reference, scene, item, names)
        if values is None:
            without.append(distortion.name)
            continue
        for name, of_itself in itself.items():
            answers[name][distortion.name] = [of_itself, *(value[name] for value in values)]
    return {
        "answers": {
            name: _without_infinities(values) for name, values in answers.items() if _is_whole(values)
        },
        "without": without,
    }


def _is_whole(values: Mapping[str, Sequence[float]]) -> bool:
    return not any(math.isnan(value) for strengths in values.values() for value in strengths)


def _without_infinities(values: Mapping[str, Sequence[float]]) -> dict[str, list[float | None]]:
    return {
        name: [value if math.isfinite(value) else None for value in strengths]
        for name, strengths in values.items()
    }


def _strengths(
    distortion: Distortion,
    reference: Volume,
    scene: MeasuredScene,
    item: DistortedCase,
    names: tuple[str, ...],
) -> list[dict[str, float]] | None:
    images = [distortion.make(scene, strength) for strength in distortion.strengths]
    if any(image is None for image in images):
        return None
    return [_score(reference, image, scene, item, names) for image in images if image is not None]


def _scene(case: PreparedCase, item: DistortedCase, labels: list[int]) -> tuple[Volume, MeasuredScene]:
    volume = case.volume(item.modality)
    if volume.is_colour:
        raise InputError("E122", f"{item.modality} in colour", "a grey modality", "Name another modality.")
    image = volume.voxels.astype(np.float64)
    mask = case.mask()
    inside = np.ones(image.shape, bool) if mask is None else mask
    low, high = np.percentile(image[inside], [0.5, 99.5])
    segmentation = case.segmentation()
    lesions = np.zeros(image.shape, bool) if segmentation is None else np.isin(segmentation, labels)
    spread = float(high - low) or item.data_range
    scene = MeasuredScene(image, inside, spread, float(low), volume.spacing, lesions & inside, item.seed)
    return volume.with_voxels(image.astype(np.float32)), scene


def _lesion_labels(cohort: Cohort) -> list[int]:
    return [label for label, name in cohort.manifest.options.labels.items() if name == LESION]


def _applicable(reference: Volume, scene: MeasuredScene, item: DistortedCase) -> tuple[str, ...]:
    """Return the metrics that take such an image, need nothing beside the pair, and say which end is better."""
    axis = next(axis for axis, letter in enumerate(reference.orientation) if letter in "IS")
    pair = ImagePair(
        reference.voxels,
        reference.voxels,
        item.data_range,
        unit_of(item.modality, item.unit),
        reference.spacing,
        axis,
        mask=scene.mask,
    )
    return tuple(
        name for name in applicable(pair) if registry.is_ranked(name) and registry.find(name).needs == "pair"
    )


def _score(
    reference: Volume, image: object, scene: MeasuredScene, item: DistortedCase, names: tuple[str, ...]
) -> dict[str, float]:
    synthetic = reference.with_voxels(np.asarray(image, np.float32))
    values = score(
        reference,
        synthetic,
        scene.mask,
        modality=item.modality,
        data_range=item.data_range,
        unit=item.unit,
        metrics=names,
    )
    return {
        f"{value.metric} {value.protocol.dims}D": value.value
        for value in values
        if value.protocol.region == "mask"
    }
