"""Oracles: what needs no learning of images, fitted on the training split and scored beside every model.

A model that does not beat `mean_target`, `lookup` and `linear_patch` has not learned translation. They see the
sources through the model's own preprocessing: the same region, spacing and intensity maps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.cohorts.store import PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.evaluation import mean_target
from transmodal.inference.preprocessing import Preprocessed, Preprocessing, preprocess_case
from transmodal.modalities import modality_of
from transmodal.progress import StageProgress
from transmodal.volumes import Volume
from transmodal.volumes.bounds import physical
from transmodal.volumes.geometry.reorient import resample

STANDARD = ("mean_target", "lookup", "linear_patch")
REGISTERED = "registered_mean"
"""The one that is registered to each case: the hardest to beat."""
ALL = (*STANDARD, REGISTERED)

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
Predict = Callable[[Preprocessed], Volume]

_BINS = {1: 256, 2: 64, 3: 24, 4: 12}
"""Bins per source channel of the joint look-up table, by the number of channels; 6 beyond."""
_SAMPLES = 40_000  # voxels per training case that the linear regression looks at
_OFFSETS = tuple(product((-1, 0, 1), repeat=3))


@dataclass(frozen=True, slots=True)
class Oracle:
    """What needs no learning, fitted: a case's sources in, a volume of the target modality out.

    Attributes:
        name: one of `ALL`.
        preprocessing: the model's preprocessing of volumes.
        predict: gives real values of the target on any grid.
    """

    name: str
    preprocessing: Preprocessing
    predict: Predict = field(repr=False)

    def translate(self, case: PreparedCase) -> Volume:
        """Return the volume on the case's canonical grid, real units; the preprocessing's fill outside the region.

        Values are clipped to what the target can be; to the models' window they are not.
        """
        preprocessed = preprocess_case(self.preprocessing, case)
        values = resample(
            self.predict(preprocessed), preprocessed.canonical.grid, fill=self.preprocessing.fill
        )
        inside = preprocessed.region if values.voxels.ndim == 3 else preprocessed.region[..., None]
        filled = np.where(inside, values.voxels, np.float32(self.preprocessing.fill))
        own = modality_of(self.preprocessing.target).bounds
        return values.with_voxels(physical(own, self.preprocessing.target_map).clip(filled)[0])

    def translate_case(self, case: PreparedCase) -> Volume:
        """Translate, under the name by which models and oracles are evaluated alike."""
        return self.translate(case)


def fit(
    name: str,
    cases: Sequence[PreparedCase],
    preprocessing: Preprocessing,
    *,
    progress: StageProgress | None = None,
) -> Oracle:
    """Fit an oracle on training cases.

    Args:
        name: one of `ALL`.
        cases: the training cases, each with the preprocessing's sources and its target.
        preprocessing: of the model that it stands beside.
        progress: told how far it is.

    Raises:
        UsageError: E002 for an unknown name.
        InputError: E132 without training cases.
    """
    check_names([name])
    if not cases:
        raise InputError(
            "E132",
            f"no training case to fit {name} on",
            "one or more",
            "Evaluate without oracles, or on the cohort that the model was trained on.",
        )
    return Oracle(name, preprocessing, _FIT[name](_Training(name, cases, preprocessing, progress)))


def check_names(names: Sequence[str]) -> None:
    """Refuse an oracle that is not known.

    Raises:
        UsageError: E002.
    """
    for name in names:
        if name not in ALL:
            raise UsageError("E002", f"the oracle {name!r}", ", ".join(ALL), "Choose among these.")


@dataclass(slots=True)
class _Training:
    """Training cases, read one at a time, and how many are done."""

    name: str
    cases: Sequence[PreparedCase]
    preprocessing: Preprocessing
    progress: StageProgress | None
    done: int = 0

    def tick(self) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(self.name, self.done, len(self.cases))

    def working(self) -> Iterator[tuple[Float, Mask, Float]]:
        """Yield sources `(I, J, K, C)`, region and target `(I, J, K, T)` on the working grid."""
        first, spacing_mm = self.preprocessing.sources[0], self.preprocessing.spacing_mm
        for case in self.cases:
            target = case.volume(self.preprocessing.target, spacing_mm)
            inside = case.region(first, self.preprocessing.region, spacing_mm)
            source = channels(preprocess_case(self.preprocessing, case))
            yield source, inside, _with_channels(target.voxels).astype(np.float64)
            self.tick()


def channels(preprocessed: Preprocessed) -> Float:
    """Return the sources on the working grid, `(I, J, K, C)` in [-1, 1], colour channels side by side."""
    stacked: Float = np.concatenate(
        [_with_channels(volume.voxels) for volume in preprocessed.working.values()], axis=-1, dtype=np.float64
    )
    return stacked


def _fit_mean_target(training: _Training) -> Predict:
    mean = mean_target.mean_target(training.cases, training.preprocessing, training.tick)
    return lambda preprocessed: mean.at(
        mean_target.centroid(preprocessed.canonical.grid, preprocessed.region)
    )


def _fit_registered_mean(training: _Training) -> Predict:
    return mean_target.build_atlas(training.cases, training.preprocessing, training.tick).onto


def _fit_lookup(training: _Training) -> Predict:
    """Take the mean of the target in every cell of the joint histogram of the sources."""
    parts = [_binned(source[inside], target[inside]) for source, inside, target in training.working()]
    counts = np.sum([count for count, _ in parts], axis=0)
    sums = np.sum([total for _, total in parts], axis=0)
    table = _filled(sums / np.maximum(counts, 1)[..., None], counts > 0)

    def predict(preprocessed: Preprocessed) -> Volume:
        source = channels(preprocessed)
        values = table[_cells(source.reshape(-1, source.shape[-1]))]
        return _volume(values.reshape(*source.shape[:3], -1), preprocessed)

    return predict


def _binned(source: Float, target: Float) -> tuple[Float, Float]:
    """Return counts `(bins, ...)` and sums `(bins, ..., T)` of voxels `(n, C)` and `(n, T)`."""
    shape = _table_shape(source.shape[1])
    cells, size = _cells(source), int(np.prod(shape))
    counts = np.bincount(cells, minlength=size).astype(np.float64)
    sums: Float = np.stack([np.bincount(cells, values, size) for values in target.T], axis=1)
    return counts.reshape(shape), sums.reshape(*shape, -1)


def _table_shape(n_channels: int) -> tuple[int, ...]:
    return (_BINS.get(n_channels, 6),) * n_channels


def _cells(values: Float) -> NDArray[np.intp]:
    shape = _table_shape(values.shape[1])
    bins = np.clip(((values + 1) * (shape[0] / 2)).astype(np.intp), 0, shape[0] - 1)
    cells: NDArray[np.intp] = np.ravel_multi_index(tuple(bins.T), shape)
    return cells


def _filled(table: Float, known: Mask) -> Float:
    """Give cells that no training voxel fell into the value of the nearest one that has some; flatten."""
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    filled: Float = table[tuple(nearest)].reshape(-1, table.shape[-1])
    return filled


def _fit_linear_patch(training: _Training) -> Predict:
    """Regress the target on the 3 x 3 x 3 neighbourhood of all source channels, by normal equations."""
    parts = [_normal_equations(*case) for case in training.working()]
    left, right = (np.sum(sides, axis=0) for sides in zip(*parts, strict=True))
    weights = np.linalg.lstsq(left, right, rcond=None)[0]

    def predict(preprocessed: Preprocessed) -> Volume:
        source = channels(preprocessed)
        kernels = weights[:-1].reshape(source.shape[-1], 3, 3, 3, -1)
        values = np.empty((*source.shape[:3], weights.shape[1]))
        for t in range(weights.shape[1]):
            parts = [
                ndimage.correlate(source[..., c], kernels[c, ..., t], mode="nearest")
                for c in range(source.shape[-1])
            ]
            values[..., t] = np.sum(parts, axis=0) + weights[-1, t]
        return _volume(values, preprocessed)

    return predict


def _normal_equations(source: Float, inside: Mask, target: Float) -> tuple[Float, Float]:
    places = np.flatnonzero(inside)
    places = places[:: max(1, len(places) // _SAMPLES)]
    features = _neighbours(source, np.unravel_index(places, inside.shape))
    wanted = target.reshape(-1, target.shape[-1])[places]
    return features.T @ features, features.T @ wanted


def _neighbours(source: Float, places: tuple[NDArray[np.intp], ...]) -> Float:
    """Return features `(n, 27 C + 1)`: per channel the neighbourhood in C order, then a one."""
    wide = np.pad(source, [(1, 1)] * 3 + [(0, 0)], mode="edge")
    i, j, k = (place + 1 for place in places)
    around = np.stack([wide[i + a, j + b, k + c] for a, b, c in _OFFSETS], axis=-1)
    flat = around.reshape(len(i), -1)
    return np.concatenate([flat, np.ones((len(i), 1))], axis=1)


def _volume(values: Float, preprocessed: Preprocessed) -> Volume:
    grid = next(iter(preprocessed.working.values())).grid
    voxels = values.astype(np.float32)
    return Volume(voxels if voxels.shape[-1] == 3 else voxels[..., 0], grid.affine)


def _with_channels(voxels: NDArray[Any]) -> NDArray[Any]:
    return voxels if voxels.ndim == 4 else voxels[..., None]


_FIT: dict[str, Callable[[_Training], Predict]] = {
    "mean_target": _fit_mean_target,
    "lookup": _fit_lookup,
    "linear_patch": _fit_linear_patch,
    "registered_mean": _fit_registered_mean,
}
