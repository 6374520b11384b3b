"""Windows of training cases, as a network gets them: the values that the ranges of its integers are taken from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.store import PreparedCase
from transmodal.inference.engines._base import Engine
from transmodal.inference.model import Model
from transmodal.inference.synthesis import synthesise_case

CASES = 8
WINDOWS = 64
"""At most, taken evenly from the windows of so many training cases that hold more than air."""

Windows = NDArray[np.float32]


def calibration_windows(model: Model, cases: Sequence[PreparedCase], number: int = WINDOWS) -> Windows:
    """Return windows of cases `(N, C, *S)`, evenly from all that the model would translate of them.

    Those of the shape that most have: a graph takes windows of one shape.

    Args:
        model: of which the network is quantized.
        cases: of the training split; the first `CASES` of them are taken.
        number: of windows, at most.
    """
    windows = [
        window
        for case in cases[:CASES]
        for window in _evenly(_windows_of(model, case), -(-number // min(len(cases), CASES)))
    ]
    shape, _ = Counter(window.shape for window in windows).most_common(1)[0]
    return np.stack([window for window in windows if window.shape == shape][:number])


class _Recorder:
    """An engine that keeps the windows it is handed, and translates only the first, whose shape the others get."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._blank: Windows | None = None
        self.windows = list[Windows]()

    def infer(self, source: Windows, available: Windows, noise: NDArray[np.int64]) -> Windows:
        """Keep a batch of windows; see `Engine`."""
        self.windows.extend(window.copy() for window in source if np.ptp(window) > 0)
        if self._blank is None:
            self._blank = np.zeros_like(self._engine.infer(source[:1], available[:1], noise[:1]))
        return np.repeat(self._blank, len(source), axis=0)


def _windows_of(model: Model, case: PreparedCase) -> list[Windows]:
    recorder = _Recorder(model.engine)
    synthesise_case(recorder, model.preprocessing, case)
    return recorder.windows


def _evenly(windows: Sequence[Windows], number: int) -> list[Windows]:
    if len(windows) <= number:
        return list(windows)
    return [windows[n] for n in np.linspace(0, len(windows) - 1, number).round().astype(int)]
