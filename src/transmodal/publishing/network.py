"""The network of a run as a graph for a page, with the sizes of slices that it holds for."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from transmodal.errors import UsageError
from transmodal.inference.engines import _graph, onnxruntime
from transmodal.inference.engines._compared import TOLERANCE
from transmodal.inference.engines._norms import sum_by_rows
from transmodal.inference.engines.torch import TorchEngine
from transmodal.inference.model import Model
from transmodal.storage import memory
from transmodal.volumes.windows.spec import round_up

_CPU = torch.device("cpu")
_LEAST_SIDE = 32
"""Of the window that a graph is written for where the recipe says none."""


class Probe(NamedTuple):
    """A window by which a page tells whether its browser computes the network as torch does.

    Attributes:
        source: `(1, C, H, W)`, noise in [-1, 1].
        synthetic: `(1, T, H, W)`, by torch.
    """

    source: NDArray[np.float32]
    synthetic: NDArray[np.float32]

    @property
    def tolerance(self) -> float:
        """Most by which what is computed elsewhere may differ."""
        return TOLERANCE * max(1.0, float(np.ptp(self.synthetic)))

    def matches(self, synthetic: NDArray[np.float32]) -> bool:
        """Return whether what was computed elsewhere is what torch computes."""
        if synthetic.shape != self.synthetic.shape:
            return False
        return bool(np.abs(synthetic - self.synthetic).max() <= self.tolerance)


class PageGraph(NamedTuple):
    """A graph in ONNX.

    Attributes:
        content: its bytes.
        sides: of the windows that it takes; None takes any that are multiples of the translator's.
        probe: of a size that it takes.
    """

    content: bytes
    sides: tuple[int, int] | None
    probe: Probe


def build_graph(model: Model) -> PageGraph:
    """Write a model's network as a graph: for slices of any size where it computes them as torch does.

    Raises:
        UsageError: E004 for what a page cannot compute.
        ResourceError: E404 without onnx and onnxruntime.
    """
    check(model)
    _graph.check_installed("onnxruntime", "onnx")
    cutting, config = model.preprocessing.cutting, model.translator.config
    least = round_up(_LEAST_SIDE, cutting.multiple)
    height, width = cutting.size or (least, least)
    shape = (config.in_channels, height, width)
    larger = (config.in_channels, height + cutting.multiple, width + 2 * cutting.multiple)
    probes = [_probe(model, windows) for windows in (shape, larger)]
    if cutting.fit == "pad":
        content = _write(model, shape, (0, 2, 3))
        if content is not None and all(_computes(content, probe) for probe in probes):
            return PageGraph(content, None, probes[0])
    content = _write(model, shape, (0,))
    if content is None or not _computes(content, probes[0]):
        raise _refusal(model, "its graph does not compute what torch does")
    return PageGraph(content, (height, width), probes[0])


def check(model: Model) -> None:
    """Refuse a model that a page cannot run.

    Raises:
        UsageError: E004.
    """
    preprocessing = model.preprocessing
    is_grey = all(preprocessing.channels_of(name) == 1 for name in preprocessing.sources)
    reason = _graph.obstacle(model.translator, _CPU)
    if preprocessing.cutting.kind == "patch":
        reason = "it translates 3D patches"
    elif not is_grey or model.translator.config.target_channels != 1:
        reason = "it reads or makes colour"
    elif preprocessing.plane_channels:
        reason = "it is told the plane of its slices"
    if reason:
        raise _refusal(model, reason)


def _refusal(model: Model, reason: str) -> UsageError:
    return UsageError(
        "E004",
        f"a page of {model.recipe.translator}: {reason}",
        "a network of fixed operations on grey slices",
        "Publish another run; transmodal translate runs this one.",
    )


def _write(model: Model, shape: tuple[int, ...], free_axes: tuple[int, ...]) -> bytes | None:
    """Return the graph, its norms by rows; None where the network holds an operation that graphs do not."""
    try:
        return sum_by_rows(_graph.write_graph(model.translator, shape, free_axes))
    except Exception as error:
        _raise_over_memory(error)
        return None


def _probe(model: Model, shape: tuple[int, ...]) -> Probe:
    source = np.random.default_rng(0).uniform(-1, 1, (1, *shape)).astype(np.float32)
    available = np.ones((1, len(model.translator.config.source_channels)), np.float32)
    return Probe(source, TorchEngine(model.translator, _CPU).infer(source, available, np.zeros(1, np.int64)))


def _computes(content: bytes, probe: Probe) -> bool:
    """Return whether a graph gives what torch gives for a window."""
    synthetic = _run(content, probe.source)
    return synthetic is not None and probe.matches(synthetic)


def _run(content: bytes, source: NDArray[np.float32]) -> NDArray[Any] | None:
    """Return what a graph gives; None where it does not run for windows of this size."""
    try:
        return onnxruntime.open_graph(content, torch.get_num_threads())(source)
    except Exception as error:
        _raise_over_memory(error)
        return None


def _raise_over_memory(error: Exception) -> None:
    """Let an error over memory through; any other of an engine, whose errors have no kind of their own, is an answer."""
    if memory.is_out_of_memory(error):
        raise error
