"""Doubts about a prediction that has the right grid and unit: a copy, mirrored, of another scale or of another case.

None of them refuses: the figures are of the volumes that were handed in. But a reader has to know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.quality import image_similarity
from transmodal.cohorts.quality.image_similarity import Detail
from transmodal.cohorts.quality.misalignment import Misalignment
from transmodal.cohorts.quality.pair_notes import ContrastPair
from transmodal.cohorts.quality.pairs import OFF_MM, check_pairs
from transmodal.volumes import Volume

COPY = 0.9999
"""Correlation from which on a prediction is another image, scaled."""
MIRRORED = 0.01
"""Least gain in correlation before an image is said to fit better mirrored."""
EXCHANGED = 0.1
"""Least gain in the correlation of detail before another case's target is said to be the prediction's."""
ALIKE = 0.9
"""Correlation from which on a prediction's values are expected to be its target's, but for noise."""
SCALES = (0.6, 1.67)
"""Slopes of the line from prediction to target that are not doubted: noise and smoothness move it a little."""
BESIDE = 0.25
"""Share of the target's range by which the mean may be off."""
INVERSE = -0.5
"""Correlation below which a prediction has the inverse contrast."""
_SAMPLES = 400_000
_SIDES = ("left to right", "front to back", "top to bottom")

Array = NDArray[Any]


class CaseDetails(NamedTuple):
    """Detail of a prediction and of its target, small enough to keep of every case; None where an image is too small."""

    predicted: Detail | None
    target: Detail | None


def find_copy(predicted: Volume, target: Volume, sources: Mapping[str, Volume]) -> str:
    """Return the image of the case that a prediction is a copy of, `the target` or a source; empty for none.

    Args:
        predicted: on the target's grid.
        target: as measured.
        sources: by modality, on the same grid.
    """
    own = _centre(_sample(_grey(predicted)))
    if _correlate(own, _centre(_sample(_grey(target)))) >= COPY:
        return "the target"
    copies = (
        name for name, source in sources.items() if _correlate(own, _centre(_sample(_grey(source)))) >= COPY
    )
    name = next(copies, "")
    return f"the source {name}" if name else ""


def find_mirroring(predicted: Volume, target: Volume) -> str:
    """Return along which way a prediction fits its target better mirrored, such as `left to right`; empty for none.

    Both lie on the canonical grid, whose axes run to the right, the front and the top.
    """
    own, goal = _grey(predicted), _centre(_sample(_grey(target)))
    as_it_is, *mirrored = (
        _correlate(_centre(_sample(image)), goal)
        for image in (own, *(np.flip(own, axis) for axis in range(3)))
    )
    best = int(np.argmax(mirrored))
    return _SIDES[best] if mirrored[best] > as_it_is + MIRRORED else ""


def find_contrast(predicted: Volume, target: Volume) -> str:
    """Return how a prediction's values relate to its target's where they are not the same, as a doubt; empty for none."""
    own, goal = _sample(_grey(predicted)), _sample(_grey(target))
    correlation = _correlate(_centre(own), _centre(goal))
    if correlation <= INVERSE:
        return "has the inverse contrast of its target"
    if correlation < ALIKE:
        return ""
    slope = correlation * float(goal.std() / own.std())
    low, high = np.percentile(goal, (0.1, 99.9))
    if not SCALES[0] <= slope <= SCALES[1]:
        return "rises and falls with its target, but on another scale: look at its unit"
    if abs(float(own.mean() - goal.mean())) > BESIDE * float(high - low):
        return "rises and falls with its target, but far above or below it: look at its unit"
    return ""


def measure_details(predicted: Volume, target: Volume) -> CaseDetails:
    """Return the details that `find_exchanged` compares."""
    return CaseDetails(image_similarity.detail(predicted), image_similarity.detail(target))


def find_exchanged(details: Mapping[str, CaseDetails]) -> list[tuple[str, str]]:
    """Return the cases whose prediction fits another case's target better than its own, with that other case.

    Args:
        details: of every case.
    """
    targets = {case: own.target for case, own in details.items() if own.target is not None}
    predicted = {case: own.predicted for case, own in details.items() if own.predicted is not None}
    if len(targets) < 2:
        return []
    spectra = {case: image_similarity.spectrum(image) for case, image in targets.items()}
    exchanged = []
    for case, image in predicted.items():
        if case not in targets:
            continue
        alike = {name: float(image_similarity.spectrum(image) @ wave) for name, wave in spectra.items()}
        nearest = max(alike, key=lambda name: alike[name])
        if nearest == case:
            continue
        own = image_similarity.agreement(image, targets[case]).correlation
        if image_similarity.agreement(image, targets[nearest]).correlation > own + EXCHANGED:
            exchanged.append((case, nearest))
    return exchanged


def find_displaced(target: str, measures: Mapping[str, Misalignment | None]) -> dict[str, list[str]]:
    """Return cases by doubt: whose prediction lies beside its target, or fits worse than the other cases' predictions.

    The limits are those of pairs of a cohort (`cohorts.quality.pairs`).

    Args:
        target: modality of the target.
        measures: of the prediction on its target, by case; None where nothing can be said.
    """
    pair = ContrastPair(target, "prediction")
    checks = check_pairs({case: {pair: own} for case, own in measures.items() if own is not None})
    doubts: dict[str, list[str]] = {}
    for check in sorted(checks, key=lambda check: check.case):
        if check.displacement >= 1:
            doubts.setdefault(f"lies {OFF_MM:.0f} mm or more beside its target", []).append(check.case)
        if check.dissimilarity >= 1:
            doubts.setdefault("is far less like its target than in other cases", []).append(check.case)
    return doubts


def note_doubts(name: str, doubts: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a note for each kind of doubt, with the cases that have it.

    Args:
        name: of the predictions, in tables.
        doubts: cases by kind, such as `is a copy of the target`.
    """
    return [
        f"WARNING: {name} {kind}, in {len(cases)} {'case' if len(cases) == 1 else 'cases'} ({', '.join(cases[:3])}"
        f"{', ...' if len(cases) > 3 else ''})."
        for kind, cases in doubts.items()
    ]


def _grey(volume: Volume) -> Array:
    return volume.voxels.mean(axis=-1, dtype=np.float32) if volume.is_colour else volume.voxels


def _sample(image: Array) -> NDArray[np.float64]:
    """Return a regular share of the voxels, in one row."""
    step = max(1, round((image.size / _SAMPLES) ** (1 / 3)))
    return np.asarray(image[::step, ::step, ::step], np.float64).ravel()


class _Centred(NamedTuple):
    """Samples of an image, less their mean, and their length."""

    values: NDArray[np.float64]
    length: float


def _centre(samples: NDArray[np.float64]) -> _Centred:
    values = samples - samples.mean()
    return _Centred(values, float(np.sqrt(values @ values)))


def _correlate(a: _Centred, b: _Centred) -> float:
    """Return Pearson's correlation; 0 for a constant image."""
    length = a.length * b.length
    return float(a.values @ b.values) / length if length > 0 else 0.0
