"""Oracle `lookup`: the mean of the target by the intensities of the sources, voxel by voxel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.evaluation.oracles.training import Float, Mask, OracleCases, Predict, channels, volume_of
from transmodal.inference.preprocessing import Preprocessed
from transmodal.volumes import Volume

_BINS = {1: 256, 2: 64, 3: 24, 4: 12}
"""Bins per source channel of the joint look-up table, by the number of channels; 6 beyond."""


def fit_lookup(training: OracleCases) -> Predict:
    """Take the mean of the target in every cell of the joint histogram of the sources."""
    parts = [_binned(source[inside], target[inside]) for source, inside, target in training.working()]
    counts = np.sum([count for count, _ in parts], axis=0)
    sums = np.sum([total for _, total in parts], axis=0)
    table = _filled(sums / np.maximum(counts, 1)[..., None], counts > 0)

    def predict(preprocessed: Preprocessed) -> Volume:
        source = channels(preprocessed)
        values = table[_cells(source.reshape(-1, source.shape[-1]))]
        return volume_of(values.reshape(*source.shape[:3], -1), preprocessed)

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


def _filled(table: Float, filled_cells: Mask) -> Float:
    """Give cells that no training voxel fell into the value of the nearest one that has some; flatten."""
    nearest = ndimage.distance_transform_edt(~filled_cells, return_distances=False, return_indices=True)
    filled: Float = table[tuple(nearest)].reshape(-1, table.shape[-1])
    return filled
