"""Windows of a case as a network sees them, for studies that look into one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.store import PreparedCase
from transmodal.inference.model import Model
from transmodal.inference.preprocessing import preprocess_case
from transmodal.volumes.windows.cut import cut, list_windows
from transmodal.volumes.windows.plane_channels import plane_channels

Labels = NDArray[np.int64]


class NetworkWindow(NamedTuple):
    """A window of the first axis of a run's passes.

    Attributes:
        source: `(C, H, W)` in [-1, 1]; behind the sources what tells the plane, where the network is told.
        labels: `(H, W)` of its middle slice, from 1 on inside of the mask, 0 outside.
    """

    source: NDArray[np.float32]
    labels: Labels


def network_windows(model: Model, case: PreparedCase, step: int, fewest: int) -> Iterator[NetworkWindow]:
    """Yield every `step`-th window of a case.

    Args:
        model: of slices or slabs.
        case: prepared.
        step: from 1.
        fewest: voxels of the mask, or of the segmentation, that a slice has to have.
    """
    preprocessing = model.preprocessing
    preprocessed = preprocess_case(preprocessing, case)
    axis = preprocessing.axes[0]
    cutting = preprocessing.cutting.covering(preprocessed.grid.shape, axis)
    labels = _labels(case, preprocessing.spacing_mm, preprocessed.grid.shape)
    windows = [
        window
        for window in list_windows(preprocessed.grid.shape, cutting, axis)
        if (np.take(labels, window.start[axis], axis=axis) > 0).sum() >= fewest
    ]
    for window in windows[:: max(1, step)]:
        parts = [
            cut(preprocessed.working[name].voxels, window, cutting, fill=-1.0)
            for name in preprocessing.sources
        ]
        if preprocessing.plane_channels:
            parts.append(plane_channels(axis, parts[0].shape[1:]))
        own = cut(labels, window, cutting, fill=0, labels=True)
        yield NetworkWindow(np.concatenate(parts), own[len(own) // 2].astype(np.int64))


def _labels(case: PreparedCase, spacing_mm: float | None, shape: tuple[int, ...]) -> NDArray[np.int16]:
    """Return the case's labels inside its mask; 1 everywhere inside without a segmentation."""
    segmentation, mask = case.segmentation(spacing_mm), case.mask(spacing_mm)
    labels = np.ones(shape, np.int16) if segmentation is None else segmentation.astype(np.int16)
    return labels if mask is None else np.where(mask, labels, np.int16(0)).astype(np.int16)
