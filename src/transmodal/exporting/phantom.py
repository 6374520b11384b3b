"""A test volume where none is named: brains of the embedded average's tissues, in levels of our own; no patient's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from transmodal.inference.preprocessing import Preprocessing
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import resample, working_grid
from transmodal.volumes.regions import template

SEED = 2026
WORDS = (
    f"a synthetic phantom of seed {SEED}: white and grey matter and fluid of the embedded average brain, with noise; "
    "no image of a patient, and no contrast that the model learned from"
)
_LEVELS = (0.85, 0.6, 0.3)  # white matter, grey matter, fluid; of the window, or of 1000
_SPACING_MM = 4.0
_NOISE = 0.02


def build(preprocessing: Preprocessing, sides: Sequence[int]) -> dict[str, Volume]:
    """Return a phantom for each source of a run.

    Args:
        preprocessing: of the run: its sources, their channels and intensities.
        sides: of the window, voxels; the phantom's slices fit into it where the run has no spacing of its own.
    """
    average = template.t1()
    longest_mm = max(n * step for n, step in zip(average.grid.shape, average.spacing, strict=True))
    grid = working_grid(average.grid, max(_SPACING_MM, longest_mm / min(sides)))
    white, grey, inside = (
        resample(volume.with_voxels(volume.voxels.astype(np.float32)), grid).voxels
        for volume in (template.wm(), template.gm(), template.mask())
    )
    fluid = np.clip(inside - white - grey, 0, 1)
    brain = _LEVELS[0] * white + _LEVELS[1] * grey + _LEVELS[2] * fluid
    return {
        source: Volume(_voxels(preprocessing, source, np.where(inside > 0.5, brain, 0)), grid.affine)
        for source in preprocessing.sources
    }


def _voxels(preprocessing: Preprocessing, source: str, brain: np.ndarray) -> np.ndarray:
    """Return the voxels of a source, `(I, J, K)` or `(I, J, K, 3)`, in its unit."""
    spec, channels = preprocessing.specs[source], preprocessing.channels_of(source)
    low, high = (spec.low, spec.high) if spec.method == "window" else (0.0, 1000.0)
    draw = np.random.default_rng([SEED, *source.encode()])
    layers = [
        brain * (1 - 0.2 * channel) + _NOISE * draw.standard_normal(brain.shape) * (brain > 0)
        for channel in range(channels)
    ]
    voxels = low + (high - low) * np.clip(np.stack(layers, axis=-1), 0, 1)
    return (voxels if channels > 1 else voxels[..., 0]).astype(np.float32)
