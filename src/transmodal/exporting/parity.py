"""Parity of an artefact with the library: the same windows and the same volume by both, and the time of both."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import UsageError
from transmodal.inference.engines._base import Engine
from transmodal.inference.model import Model
from transmodal.inference.preprocessing import preprocess
from transmodal.inference.provenance import environment
from transmodal.inference.synthesis import synthesise
from transmodal.metrics.measure import applicable, measure
from transmodal.metrics.pair import ImagePair
from transmodal.modalities import modality_of
from transmodal.volumes import Volume

TOLERANCE = 1e-3
"""Of the range of the network's output: most by which an artefact may differ from torch."""
METRICS = ("mae", "psnr", "ssim")

Windows = NDArray[np.float32]


class RunOutcome(NamedTuple):
    """Windows that an artefact translated.

    Attributes:
        outputs: `(B, T, *S)` of each batch.
        seconds: that each batch took; the first is translated once before.
    """

    outputs: Sequence[Windows]
    seconds: Sequence[float]


Run = Callable[[Sequence[Windows]], RunOutcome]
"""Translates batches of windows `(B, C, *S)` by an artefact."""


def run_by(function: Callable[[Windows], Windows]) -> Run:
    """Return what times a function of a batch."""

    def run(batches: Sequence[Windows]) -> RunOutcome:
        outputs, seconds = list[Windows](), list[float]()
        function(batches[0])
        for batch in batches:
            start = time.perf_counter()
            outputs.append(function(batch))
            seconds.append(time.perf_counter() - start)
        return RunOutcome(outputs, seconds)

    return run


def measure_parity(model: Model, fixed: Model, sources: Mapping[str, Volume], run: Run) -> dict[str, Any]:
    """Translate a test volume by the library and by an artefact, and return how they differ, JSON-able.

    Volumes are compared on the source's grid turned to RAS, before they are rounded to the type of a file.

    Args:
        model: the run, as the library translates by it.
        fixed: the same with the artefact's window.
        sources: the test volume, by modality.
        run: translates by the artefact.

    Raises:
        UsageError: E004 where the artefact differs from torch by more than `TOLERANCE`.
    """
    preprocessed = preprocess(model.preprocessing, sources)
    library = synthesise(model.engine, model.preprocessing, preprocessed).volume
    recorder = _Recorder(fixed.engine)
    synthesise(recorder, fixed.preprocessing, preprocessed)
    outcome = run(recorder.batches)
    expected = run_by(recorder.infer_again)(recorder.batches)
    difference = _largest(outcome.outputs, expected.outputs)
    width = {"signed": 2.0, "unit": 1.0}.get(model.translator.output_range, _width(expected.outputs))
    if not difference <= TOLERANCE * width:  # nor where it is no number
        raise UsageError(
            "E004",
            f"{model.recipe.translator} in this form differs from torch by {difference / width:.2g} of its range",
            f"at most {TOLERANCE:g}",
            "Export it in another form: --as file takes every translator.",
        )
    artefact = synthesise(_Replay(outcome.outputs), fixed.preprocessing, preprocessed).volume
    return {
        "windows": {
            "count": sum(len(batch) for batch in recorder.batches),
            "shape": list(recorder.batches[0].shape[1:]),
            "largest_difference": difference,
            "output_width": width,
            "tolerance": TOLERANCE * width,
        },
        "volume": _compare(model, library, artefact),
        "latency": _latency(fixed, recorder.batches, outcome, expected),
    }


class _Recorder:
    """Torch, which keeps the windows that it was handed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._noise = np.zeros(0, np.int64)
        self._available = np.zeros((0, 0), np.float32)
        self.batches = list[Windows]()

    def infer(self, source: Windows, available: Windows, noise: NDArray[np.int64]) -> Windows:
        """Translate a batch, and keep it."""
        self.batches.append(source)
        if len(available) > len(self._available):
            self._available, self._noise = available, noise
        return self._engine.infer(source, available, noise)

    def infer_again(self, source: Windows) -> Windows:
        """Translate a batch, of which every source is there."""
        n = len(source)
        return self._engine.infer(source, self._available[:n], self._noise[:n])


class _Replay:
    """Outputs that are there already, handed out in the order of their batches."""

    def __init__(self, outputs: Sequence[Windows]) -> None:
        self._outputs = iter(outputs)

    def infer(self, source: Windows, available: Windows, noise: NDArray[np.int64]) -> Windows:
        """Return the next output."""
        return next(self._outputs)


def _compare(model: Model, library: Volume, artefact: Volume) -> dict[str, Any]:
    preprocessing = model.preprocessing
    unit = preprocessing.units.get(preprocessing.target, modality_of(preprocessing.target).unit)
    low, high = preprocessing.bounds
    measured = float(np.ptp(library.voxels)) or 1.0
    data_range = high - low if low is not None and high is not None else measured
    pair = ImagePair(library.voxels, artefact.voxels, data_range, unit or "reference units", library.spacing)
    names = [name for name in METRICS if name in applicable(pair)]
    return {
        "unit": pair.unit,
        "shape": list(library.grid.shape),
        "largest_difference": float(np.abs(library.voxels - artefact.voxels).max()),
        "metrics": [
            {
                "metric": value.metric,
                # JSON has no word for infinity.
                "value": value.value if math.isfinite(value.value) else "infinite: equal volumes",
                "unit": value.unit,
                "protocol": value.protocol.text(),
            }
            for value in measure(pair, names)
        ],
    }


def _latency(
    fixed: Model, batches: Sequence[Windows], outcome: RunOutcome, torch: RunOutcome
) -> dict[str, Any]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "seconds_per_window": _per_window(batches, outcome.seconds),
        "torch_seconds_per_window": _per_window(batches, torch.seconds),
        "windows_per_batch": max(len(batch) for batch in batches),
        "how": "median over the batches of the test volume, after one that is not counted",
        "cores": cores,
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        **environment.describe(fixed.translator, fixed.device),
    }


def _per_window(batches: Sequence[Windows], seconds: Sequence[float]) -> float:
    shares = [time_s / len(batch) for batch, time_s in zip(batches, seconds, strict=True)]
    return float(f"{np.median(shares):.4g}")


def _largest(outputs: Sequence[Windows], expected: Sequence[Windows]) -> float:
    """Return the largest difference; infinite between arrays of different shapes."""
    pairs = list(zip(outputs, expected, strict=True))
    if any(output.shape != value.shape for output, value in pairs):
        return math.inf
    return max(float(np.abs(output - value).max()) for output, value in pairs)


def _width(outputs: Sequence[Windows]) -> float:
    return max(
        1.0, max(float(output.max()) for output in outputs) - min(float(output.min()) for output in outputs)
    )
