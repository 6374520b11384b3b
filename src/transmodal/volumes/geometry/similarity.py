"""Similarity of two volumes: Pearson's r or mutual information."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the field's name for it)
from numpy.typing import NDArray

from transmodal.volumes.geometry import itk
from transmodal.volumes.geometry.working_pair import Metric, WorkingPair

BINS = 32
Floats = NDArray[np.floating[Any]]


def similarity(a: Floats, b: Floats, metric: Metric) -> float:
    """Return Pearson's r, or the mutual information in nats over 32 x 32 bins; 0 for a constant."""
    if a.min() == a.max() or b.min() == b.max():
        return 0.0
    if metric == "correlation":
        return float(np.corrcoef(a.ravel().astype(float), b.ravel().astype(float))[0, 1])
    joint = np.histogram2d(a.ravel(), b.ravel(), bins=BINS)[0] / a.size
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    occupied = joint > 0
    return float((joint[occupied] * np.log(joint[occupied] / apart[occupied])).sum())


def similarity_before_and_after(pair: WorkingPair, transform: sitk.Transform) -> tuple[float, float]:
    """Return the similarity inside the mask with the headers' positions, and with a transform."""
    inside, fill = pair.inside(), float(pair.moving.voxels.min())
    fixed = pair.fixed.voxels[inside]
    before, after = (
        similarity(fixed, itk.warp(pair.moving, pair.fixed.grid, t, fill=fill).voxels[inside], pair.metric)
        for t in (sitk.Transform(), transform)
    )
    return before, after
