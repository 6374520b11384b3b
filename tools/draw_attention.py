"""Draw what AGI-Net's cross group attention lets pass, for a slice of a test subject, into docs/images.

    python tools/draw_attention.py COHORT CHANNEL_RUN SPATIAL_RUN

The runs are the first seeds of `agi-net` and `attention in space` of `transmodal ablate agi-net`. It needs `transmodal[tools]`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from numpy.typing import NDArray

mpl.use("Agg")
import matplotlib.pyplot as plt

from transmodal.cohorts.store import Cohort
from transmodal.inference.load import load
from transmodal.inference.model import Model
from transmodal.inference.preprocessing import preprocess_case
from transmodal.translators.agi_net.translator import AGINet
from transmodal.volumes.windows.cut import cut, list_windows

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "agi-net-attention.png"
STAGES = ("encoder.0", "encoder.1", "encoder.2")
SHOWN = (0.35, 0.6)
"""What the colours span; the page says so."""


def main() -> None:
    """Draw one row per reading: the sources, then each stage's map of each group."""
    cohort, *runs = (Path(word) for word in sys.argv[1:])
    case = Cohort.open(cohort).cases("test")[0]
    columns = 2 + 2 * len(STAGES)
    figure, axes = plt.subplots(
        len(runs), columns, figsize=(1.5 * columns, 2.2 * len(runs)), facecolor="white"
    )
    for row, run in zip(np.atleast_2d(axes), runs, strict=True):
        model = load(run)
        assert isinstance(model.translator, AGINet), f"{run} is no run of AGI-Net"
        source = _middle(model, case)
        with torch.inference_mode():
            maps = model.translator.maps(source, torch.ones(1, len(model.preprocessing.sources)))
        panels = [
            (name, source[0, n].numpy(), "gray", (-1.0, 1.0))
            for n, name in enumerate(model.preprocessing.sources)
        ]
        panels += [
            (f"{stage}, {name}", maps[stage][0, n].numpy(), "viridis", SHOWN)
            for stage in STAGES
            for n, name in enumerate(model.preprocessing.sources)
        ]
        for axis, (title, values, colours, (low, high)) in zip(row, panels, strict=True):
            axis.imshow(values.T[::-1], cmap=colours, vmin=low, vmax=high, interpolation="nearest")
            axis.set_title(f"{title}\n{values.min():.2f} to {values.max():.2f}", fontsize=8)
            axis.axis("off")
        reading = model.recipe.settings.get("cga", "channel")
        row[0].text(-0.12, 0.5, reading, rotation=90, va="center", transform=row[0].transAxes)
    figure.tight_layout(pad=0.5, h_pad=1.2)
    figure.savefig(PICTURE, dpi=110)


def _middle(model: Model, case: object) -> torch.Tensor:
    """Return the middle slice of a case as the translator sees it: `(1, C, h, w)`."""
    preprocessed = preprocess_case(model.preprocessing, case)  # type: ignore[arg-type]
    cutting = model.preprocessing.cutting.covering(preprocessed.grid.shape, 2)
    windows = list_windows(preprocessed.grid.shape, cutting, 2)
    window = windows[len(windows) // 2]
    parts: list[NDArray[np.float32]] = [
        cut(preprocessed.working[name].voxels, window, cutting, fill=-1.0)
        for name in model.preprocessing.sources
    ]
    return torch.from_numpy(np.concatenate(parts))[None]


if __name__ == "__main__":
    main()
