"""A translator's network as an ONNX graph, and the sessions that run such graphs: built once per network and window."""

from __future__ import annotations

import importlib.util
import io
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from transmodal.errors import ResourceError
from transmodal.inference.engines._base import EngineError
from transmodal.inference.engines._compared import ComparedEngine
from transmodal.inference.engines._norms import sum_by_rows
from transmodal.inference.engines._openvino_process import GraphError
from transmodal.inference.engines.torch import TorchEngine
from transmodal.storage import memory
from transmodal.translators._base import Translator

OPSET = 18

Session = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Takes `(B, C, *S)`, gives `(B, T, *S)`; B is free, the rest is the graph's."""

Open = Callable[[bytes, int], Session]
"""Makes a session of a graph that works on so many threads."""

Begin = Callable[[tuple[int, ...], int], Session]
"""Makes a session for windows of a shape `(C, *S)`, on so many threads."""


class _Place(NamedTuple):
    """The purpose of a session: an engine, the shape of a window `(C, *S)`, threads, and the process that uses it."""

    engine: str
    shape: tuple[int, ...]
    threads: int
    process: int


_SESSIONS: WeakKeyDictionary[nn.Module, dict[_Place, Session]] = WeakKeyDictionary()
"""Sessions of each network that is loaded; they go with it. Nothing is written to disk, so nothing there can be stale."""


def check(translator: Translator[Any], device: torch.device, engine: str) -> None:
    """Refuse a network that no fixed graph computes, or a device that graphs are not run on.

    Raises:
        EngineError: E004.
    """
    reason = obstacle(translator, device)
    if reason:
        raise EngineError(
            "E004",
            f"{type(translator).__name__} by {engine}: {reason}",
            "a network of fixed operations, on the CPU",
            "Take --engine torch, or --engine auto, which does so by itself.",
        )


def obstacle(translator: Translator[Any], device: torch.device) -> str:
    """Return why a translator is not computed by a graph; nothing where it may be."""
    if device.type != "cpu":
        return f"it runs on {device.type}, where torch is the fastest"
    if translator.draws:
        return "it draws noise, which torch alone can repeat"
    if translator.accepts_missing:
        return "its operations depend on which sources are there"
    if translator.encoder() is not None:
        return (
            "the features of its frozen encoder are rounded to 16 bits, where a last bit more or less shows"
        )
    return ""


def check_installed(*packages: str) -> None:
    """Refuse to go on without the packages of an engine; none of them is imported.

    Raises:
        ResourceError: E404.
    """
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise ResourceError(
                "E404",
                f"{package} is not installed",
                f"it, to translate by {packages[0]}",
                "pip install 'transmodal[engines]'",
            )


@dataclass(frozen=True, slots=True)
class GraphEngine:
    """Runs a translator that is in evaluation mode as a graph.

    Attributes:
        translator: on the CPU.
        name: of the engine, which is its package's too.
        open_graph: makes a session of a graph.
    """

    translator: Translator[Any]
    name: str
    open_graph: Open

    def infer(
        self, source: NDArray[np.float32], available: NDArray[np.float32], noise: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Translate a batch of windows, of which every source is there; see `Engine`.

        Raises:
            EngineError: E004 where the engine cannot compute the network.
        """

        def begin(shape: tuple[int, ...], threads: int) -> Session:
            return self.open_graph(sum_by_rows(write_graph(self.translator, shape)), threads)

        return infer(self.translator, source, self.name, begin)


def build(translator: Translator[Any], device: torch.device, name: str, open_graph: Open) -> ComparedEngine:
    """Build the engine of a translator on a device, compared with torch.

    Raises:
        EngineError: E004 for a network that no fixed graph computes, or a device that is not the CPU.
        ResourceError: E404 without the engine's package.
    """
    check(translator, device, name)
    check_installed(name, "onnx")
    return ComparedEngine(name, GraphEngine(translator, name, open_graph), TorchEngine(translator, device))


def infer(
    translator: Translator[Any], source: NDArray[np.float32], engine: str, begin: Begin
) -> NDArray[np.float32]:
    """Translate windows `(B, C, *S)` by the session of an engine, which is begun for the first windows of a shape.

    Raises:
        EngineError: E004 where the network cannot be written as a graph, or the engine cannot run it.
    """
    place = _Place(engine, source.shape[1:], torch.get_num_threads(), os.getpid())
    try:
        return _session_of(translator, place, begin)(source)
    except BaseException as error:
        _SESSIONS.get(translator, {}).pop(place, None)  # it may be dead; the next windows open another
        if memory.is_out_of_memory(error) or not isinstance(error, Exception):
            raise
        cause = str(error) if isinstance(error, GraphError) else type(error).__name__
        raise EngineError(
            "E004",
            f"{type(translator).__name__} by {engine}: its graph does not run ({cause})",
            "operations that the engine knows",
            "Take --engine torch, or --engine auto, which does so by itself.",
        ) from error


def as_function(translator: Translator[Any]) -> nn.Module:
    """Return a translator, in evaluation mode, as a module that takes the source alone; every source is there."""
    return _Windows(translator).eval()


def write_graph(
    translator: Translator[Any], shape: tuple[int, ...], free_axes: Sequence[int] = (0,)
) -> bytes:
    """Write a translator in evaluation mode as an ONNX graph for windows of a shape `(C, *S)` and any batch.

    The graph has one input, `source`, and one output, `synthetic`; every source modality is there.

    Args:
        translator: in evaluation mode.
        shape: of a window.
        free_axes: axes of `(B, C, *S)` on which other sizes are let in. Whether the network computes them right is
            another question: some read positions or sizes off the window that they were written for.
    """
    # Two windows, as a batch of one would make a graph that holds for one alone.
    source, file = torch.zeros(2, *shape), io.BytesIO()
    free = {axis: f"axis_{axis}" if axis else "batch" for axis in free_axes}
    device = next(translator.parameters()).device
    with torch.no_grad(), _plain_attention(), warnings.catch_warnings():
        # It is traced: the checks of shapes on the way are taken once, for windows of this shape.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            as_function(translator),
            (source.to(device),),
            file,  # type: ignore[arg-type]  # a file in memory does
            dynamo=False,
            opset_version=OPSET,
            do_constant_folding=False,  # engines fold by themselves
            input_names=["source"],
            output_names=["synthetic"],
            dynamic_axes={name: dict(free) for name in ("source", "synthetic")},
        )
    return file.getvalue()


def _session_of(translator: Translator[Any], place: _Place, begin: Begin) -> Session:
    sessions = _SESSIONS.setdefault(translator, {})
    if place not in sessions:
        sessions[place] = begin(place.shape, place.threads)
    return sessions[place]


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Let transformers take the operations that they are made of, not one of torch's own."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


class _Windows(nn.Module):
    """A translator as a function of the source alone."""

    def __init__(self, translator: Translator[Any]) -> None:
        super().__init__()
        self.translator = translator

    def forward(self, source: Tensor) -> Tensor:
        """Translate `(B, C, *S)` with every source modality there."""
        # Where an operation is unknown, torch prints the whole graph; it turns that on as it begins.
        torch._C._jit_set_onnx_log_enabled(False)
        available = source.new_ones(source.shape[0], len(self.translator.config.source_channels))
        synthetic: Tensor = self.translator(source, available)
        return synthetic.float()
