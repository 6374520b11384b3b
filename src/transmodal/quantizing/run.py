"""Quantize a trained run: calibrated on training subjects, kept only where validation subjects lose next to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.inference import quantized
from transmodal.inference.engines import INT8, _graph
from transmodal.inference.engines._compared import range_of, rms_difference
from transmodal.inference.engines._openvino_process import GraphProcess
from transmodal.inference.load import checkpoint_folder, load
from transmodal.inference.model import Model
from transmodal.inference.quantized import QuantizedNetwork
from transmodal.progress import StageProgress
from transmodal.quantizing.calibration import Windows, calibration_windows
from transmodal.quantizing.graph import quantize_graph
from transmodal.quantizing.loss import Loss, measure_loss
from transmodal.storage import outputs

MARGIN = 3.0
"""By how much more than on calibration windows a window may differ from torch's before it is refused."""


class Quantization(NamedTuple):
    """A network that was quantized and kept.

    Attributes:
        folder: where it lies.
        loss: what it costs on validation subjects.
        kept_float: operations that stay in float32: `none`, or `first and last`.
    """

    folder: Path
    loss: Loss
    kept_float: str


def quantize(
    run: Path,
    cohort: Path,
    *,
    checkpoint: str = "best",
    overwrite: bool = False,
    progress: StageProgress | None = None,
) -> Quantization:
    """Write a run's network in integers of eight bits beside its checkpoint, for `--engine int8`.

    Where integers everywhere cost too much, the first and the last operation stay in float32; where that costs too much
    as well, nothing is written.

    Args:
        run: its folder.
        cohort: that it learned from: the ranges are those of its training split, the cost that of its validation split.
        checkpoint: `best` or `last`.
        overwrite: replace a quantized network that is there.
        progress: told how far it is.

    Raises:
        UsageError: E004 for a network that no fixed graph computes, another cohort than the run's, and a loss that is too
            large; E005 where there is a quantized network.
        ResourceError: E404 without the packages.
        InputError: E132 where a split is empty.
    """
    _graph.check_installed("onnxruntime", "onnx", "openvino")
    if run.is_file():
        raise UsageError("E004", f"{run.name} is one file", "a run's folder", "Name the folder of the run.")
    folder = quantized.folder_of(run, checkpoint_folder(run, checkpoint).name)
    _check_place(folder, overwrite=overwrite)
    model, opened = load(run, checkpoint=checkpoint, device="cpu"), Cohort.open(cohort)
    _graph.check(model.translator, model.device, INT8)
    _check_cohort(model, opened)
    windows = calibration_windows(model, _training(model, opened))
    excesses = list[str]()
    for kept_float, network in _candidates(model, windows):
        loss = measure_loss(model, replace(model, engine_name=INT8, quantized=network), opened, progress)
        excesses = loss.excesses()
        if not excesses:
            network = replace(network, loss=loss.to_json())
            quantized.write(network, folder, _record(opened, windows, kept_float))
            return Quantization(folder, loss, kept_float)
    raise UsageError(
        "E004",
        f"int8 costs {run.name} too much: {'; '.join(excesses)}",
        "less on the validation subjects, with the first and the last operation in float32 too",
        "Translate by openvino instead, which computes in float32.",
    )


def _candidates(model: Model, windows: Windows) -> Iterator[tuple[str, QuantizedNetwork]]:
    """Yield the network in integers, boldest first, with what stays in float32."""
    shape = windows.shape[1:]
    graph = _graph.write_graph(model.translator, shape)
    for kept_float, is_cautious in (("none", False), ("first and last", True)):
        integers = quantize_graph(graph, windows, is_cautious=is_cautious)
        tolerance = MARGIN * _largest_difference(model, integers, windows)
        yield kept_float, QuantizedNetwork(integers, shape, model.digest, tolerance, {})


def _check_place(folder: Path, *, overwrite: bool) -> None:
    if (folder / quantized.RECORD).exists() and not overwrite:
        raise UsageError(
            "E005", f"{folder} holds a quantized network", "none", "Translate by it, or --overwrite."
        )
    outputs.check_folder(folder)


def _check_cohort(model: Model, cohort: Cohort) -> None:
    learned = model.provenance.get("cohort", {})
    if learned.get("digest") != cohort.digest():
        raise UsageError(
            "E004",
            f"the cohort {cohort.manifest.name} ({cohort.digest()[:12]})",
            f"{learned.get('name')} ({str(learned.get('digest'))[:12]}), which the run learned from",
            "Give that one: its training split sets the ranges, its validation split shows the cost.",
        )


def _training(model: Model, cohort: Cohort) -> list[PreparedCase]:
    """Return the training cases under the names of modalities that the run has."""
    names = (*model.preprocessing.sources, model.preprocessing.target)
    cases = cohort.named_for(names).cases("train")
    if not cases:
        raise InputError("E132", "a training split without cases", "one case or more", "Prepare it again.")
    return cases


def _record(cohort: Cohort, windows: Windows, kept_float: str) -> dict[str, Any]:
    return {
        "cohort": {"name": cohort.manifest.name, "digest": cohort.digest()},
        "calibration_windows": len(windows),
        "kept_float": kept_float,
        "versions": {name: metadata.version(name) for name in ("onnx", "onnxruntime", "openvino")},
    }


def _largest_difference(model: Model, graph: bytes, windows: Windows) -> float:
    """Return the largest root mean square by which a window differs from torch's, of the output's range."""
    available, noise = np.ones((1, len(model.preprocessing.sources)), np.float32), np.zeros(1, np.int64)
    session, largest = GraphProcess(graph, 1), 0.0
    for n in range(len(windows)):
        expected = model.engine.infer(windows[n : n + 1], available, noise)
        own = range_of(model.translator.output_range, expected)
        largest = max(largest, rms_difference(session(windows[n : n + 1]), expected) / own)
    return largest
