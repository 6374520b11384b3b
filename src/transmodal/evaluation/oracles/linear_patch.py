"""Oracle `linear_patch`: a linear regression of the target on the neighbourhood of a voxel in all sources."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.evaluation.oracles.training import Float, Mask, OracleCases, Predict, channels, volume_of
from transmodal.inference.preprocessing import Preprocessed
from transmodal.volumes import Volume

_SAMPLES = 40_000
"""Voxels per training case that the regression looks at."""
_OFFSETS = tuple(product((-1, 0, 1), repeat=3))


def fit_linear_patch(training: OracleCases) -> Predict:
    """Regress the target on the 3 x 3 x 3 neighbourhood of all source channels, by normal equations."""
    parts = [_normal_equations(*case) for case in training.working()]
    gram, moments = (np.sum(sides, axis=0) for sides in zip(*parts, strict=True))
    weights = np.linalg.lstsq(gram, moments, rcond=None)[0]

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
        return volume_of(values, preprocessed)

    return predict


def _normal_equations(source: Float, inside: Mask, target: Float) -> tuple[Float, Float]:
    places = np.flatnonzero(inside)
    places = places[:: max(1, len(places) // _SAMPLES)]
    features = _neighbours(source, np.unravel_index(places, inside.shape))
    values = target.reshape(-1, target.shape[-1])[places]
    return features.T @ features, features.T @ values


def _neighbours(source: Float, places: tuple[NDArray[np.intp], ...]) -> Float:
    """Return features `(n, 27 C + 1)`: per channel the neighbourhood in C order, then a one."""
    wide = np.pad(source, [(1, 1)] * 3 + [(0, 0)], mode="edge")
    i, j, k = (place + 1 for place in places)
    around = np.stack([wide[i + a, j + b, k + c] for a, b, c in _OFFSETS], axis=-1)
    flat = around.reshape(len(i), -1)
    return np.concatenate([flat, np.ones((len(i), 1))], axis=1)
