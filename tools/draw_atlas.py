"""Draw virtual subjects for the documentation.

    python tools/draw_atlas.py

Written is `docs/images/atlas-subjects.png`: four subjects, every contrast, two axial and two coronal rows.
It needs `transmodal[tools]`.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.case import Case
from transmodal.cohorts.simulation import atlas
from transmodal.cohorts.simulation.contrasts import LABELS
from transmodal.volumes import Volume
from transmodal.volumes.geometry import reorient

mpl.use("Agg")
import matplotlib.pyplot as plt

PICTURE = Path(__file__).resolve().parents[1] / "docs/images/atlas-subjects.png"
SPACING_MM = 1.5
VIEWS = ((2, 2, 0.62), (5, 2, 0.3), (0, 1, 0.5), (3, 1, 0.62))
"""Subject, axis in RAS, and where between the ends of the brain to cut."""
WINDOWS = {"fa": (0.0, 0.8), "ct": (-250.0, 1400.0), "segmentation": (0.0, float(max(LABELS.values())))}


def main() -> None:
    """Make the subjects and draw them."""
    columns = (*atlas.MODALITIES, "segmentation")
    figure, axes = plt.subplots(len(VIEWS), len(columns), figsize=(16, 8.2), facecolor="black")
    for row, (index, axis, share) in zip(axes, VIEWS, strict=True):
        case = atlas.AtlasSubject(index, atlas.AtlasOptions(spacing_mm=SPACING_MM)).load()
        for cell, name in zip(row, columns, strict=True):
            _show(cell, name, _cut(case, name, axis, share))
    for cell, name in zip(axes[0], columns, strict=True):
        said = f"{name} (simulated)" if name in atlas.SIMULATED else name
        cell.set_title(said, color="white", fontsize=10)
    figure.subplots_adjust(0.002, 0.002, 0.998, 0.96, 0.01, 0.01)
    figure.savefig(PICTURE, dpi=75, facecolor="black")


def _cut(case: Case, name: str, axis: int, share: float) -> NDArray[np.generic]:
    volume = case.segmentation if name == "segmentation" else case.volumes[name]
    assert case.mask is not None
    assert volume is not None
    inside = np.flatnonzero(_ras(case.mask).any(axis=tuple({0, 1, 2} - {axis})))
    plane = np.take(_ras(volume), int(inside[0] + share * (inside[-1] - inside[0])), axis)
    return np.swapaxes(plane, 0, 1)


def _ras(volume: Volume) -> NDArray[np.generic]:
    return reorient.reorient(volume, "RAS").voxels


def _show(cell: plt.Axes, name: str, plane: NDArray[np.generic]) -> None:
    low, high = WINDOWS.get(name, (0.0, float(np.percentile(plane, 99.7)) or 1.0))
    cell.imshow(
        plane,
        cmap="nipy_spectral" if name == "segmentation" else "gray",
        vmin=low,
        vmax=high,
        origin="lower",
        interpolation="nearest",
    )
    cell.axis("off")


if __name__ == "__main__":
    main()
