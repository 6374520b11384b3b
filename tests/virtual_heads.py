"""Virtual heads for tests of regions, with their true brains."""

from __future__ import annotations

import numpy as np

from transmodal.cohorts.simulation.atlas import AtlasOptions, subjects
from transmodal.volumes import Volume


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def head(index: int, which: str, spacing_mm: float = 3.0) -> tuple[Volume, np.ndarray]:
    """A virtual T1 and its true brain."""
    options = AtlasOptions(
        spacing_mm=spacing_mm,
        modalities=("t1",),
        head="always" if which == "head" else "never",
        segmentation=False,
    )
    case = subjects(index + 1, options)[index].load()
    assert case.mask is not None
    return case.volumes["t1"], case.mask.voxels > 0
