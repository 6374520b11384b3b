"""An ONNX graph with its description inside, run by ONNX Runtime for its parity."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from transmodal.exporting import packages
from transmodal.exporting.parity import Run, run_by
from transmodal.exporting.window import shape_of
from transmodal.inference.engines import _graph
from transmodal.inference.engines.onnxruntime import open_graph
from transmodal.inference.model import Model
from transmodal.storage import regular

FILE = "model.onnx"


def check() -> None:
    """Refuse to begin without the packages that it takes.

    Raises:
        ResourceError: E404.
    """
    packages.check("onnx", "onnxruntime")


def write(fixed: Model, folder: Path, description: Mapping[str, Any]) -> dict[str, Any]:
    """Write `model.onnx` into a folder; return what the description says besides, the opset.

    Args:
        fixed: the model with a window of one shape.
        folder: that is written into.
        description: goes into the graph's properties, as `transmodal`.
    """
    import onnx

    graph = onnx.load_model_from_string(_graph.write_graph(fixed.translator, shape_of(fixed)))
    own = {"opset": _graph.OPSET, "ir": int(graph.ir_version)}
    graph.producer_name = "transmodal"
    onnx.helper.set_model_props(graph, {"transmodal": json.dumps({**description, **own})})
    onnx.checker.check_model(graph)
    (folder / FILE).write_bytes(graph.SerializeToString(deterministic=True))
    return own


def open_artefact(folder: Path) -> Run:
    """Return what translates windows by the graph that was written."""
    return run_by(open_graph(regular.read_bytes(folder / FILE), torch.get_num_threads()))
