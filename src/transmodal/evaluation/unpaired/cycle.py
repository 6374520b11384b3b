"""Cycle error: how near a source comes to itself after the way to the target and back, which needs no target."""

from __future__ import annotations

import numpy as np
import torch

from transmodal.errors import UsageError
from transmodal.inference.model import Model
from transmodal.inference.preprocessing import Preprocessed
from transmodal.volumes.windows.cut import Cutting, Window, cut, list_windows


def cycle_error(model: Model, preprocessed: Preprocessed) -> float:
    """Return the mean absolute error of the sources' return, inside the region, over all windows of all passes.

    Args:
        model: of a translator with a way back.
        preprocessed: the sources, brought to the model's working grid and range.

    Returns:
        In shares of the sources' range [-1, 1]: 0 is a perfect return, 1 black for white.

    Raises:
        UsageError: E004 for a translator without a way back.
    """
    preprocessing, translator = model.preprocessing, model.translator
    shape = preprocessed.grid.shape
    axes: tuple[int | None, ...] = (None,) if preprocessing.cutting.kind == "patch" else preprocessing.axes
    total, count = 0.0, 0
    for axis in axes:
        cutting = preprocessing.cutting.covering(shape, axis)
        windows = list_windows(shape, cutting, axis)
        for start in range(0, len(windows), preprocessing.batch):
            sources = [
                _source(model, preprocessed, cutting, window)
                for window in windows[start : start + preprocessing.batch]
            ]
            source = torch.from_numpy(np.stack(sources)).to(model.device)
            available = torch.ones(len(sources), len(preprocessing.sources), device=model.device)
            with torch.inference_mode():
                returned = translator.cycle(source, available)
            if returned is None:
                raise UsageError(
                    "E004",
                    f"the cycle error of {model.recipe.translator}, which has no way back",
                    "a translator with one, such as cyclegan",
                    "Leave cycle_error out of --metrics.",
                )
            # Outside the region sources are -1 by definition: only what was looked at counts.
            inside = source > -1
            total += float(((returned.float() - source).abs() * inside).sum(dtype=torch.float64)) / 2
            count += int(inside.sum())
    return total / max(count, 1)


def _source(
    model: Model, preprocessed: Preprocessed, cutting: Cutting, window: Window
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    parts = [
        cut(preprocessed.working[name].voxels, window, cutting, fill=-1.0)
        for name in model.preprocessing.sources
    ]
    return np.concatenate(parts)
