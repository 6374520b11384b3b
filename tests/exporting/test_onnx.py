"""ONNX: what stands inside the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from transmodal.exporting import onnx as form
from transmodal.inference.engines import _graph
from transmodal.inference.model import Model


def test_the_graph_says_its_opset_and_holds_its_description(
    small: Callable[..., Model], tmp_path: Path
) -> None:
    import onnx

    form.check()
    own = form.write(small(), tmp_path, {"form": "onnx"})
    graph = onnx.load(tmp_path / form.FILE)
    properties = {entry.key: entry.value for entry in graph.metadata_props}
    assert json.loads(properties["transmodal"]) == {"form": "onnx", **own}
    assert own["opset"] == graph.opset_import[0].version == _graph.OPSET
    before = (tmp_path / form.FILE).read_bytes()
    form.write(small(), tmp_path, {"form": "onnx"})
    assert (tmp_path / form.FILE).read_bytes() == before
    outcome = form.open_artefact(tmp_path)(
        [np.zeros((2, 1, 16, 16), np.float32), np.zeros((1, 1, 16, 16), np.float32)]
    )
    assert [output.shape for output in outcome.outputs] == [(2, 1, 16, 16), (1, 1, 16, 16)]
