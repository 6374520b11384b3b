"""The translator as an ONNX graph, run by ONNX Runtime on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from transmodal.inference.engines import _graph
from transmodal.inference.engines._compared import ComparedEngine
from transmodal.translators._base import Translator

NAME = "onnxruntime"


def build(translator: Translator[Any], device: torch.device) -> ComparedEngine:
    """Build the engine of a translator on a device.

    Raises:
        EngineError: E004 for a network that no fixed graph computes, or a device that is not the CPU.
        ResourceError: E404 without ONNX Runtime.
    """
    return _graph.build(translator, device, NAME, open_graph)


def open_graph(graph: bytes, threads: int) -> _graph.Session:
    """Make a session of a graph that works on so many threads."""
    import onnxruntime  # type: ignore[import-untyped]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4  # what goes wrong is said as an error
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def run(source: NDArray[np.float32]) -> NDArray[np.float32]:
        (synthetic,) = session.run(None, {"source": np.ascontiguousarray(source)})
        output: NDArray[np.float32] = synthetic
        return output

    return run
