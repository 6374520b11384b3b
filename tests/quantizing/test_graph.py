"""Integers of a known graph: near to it, of a quarter of its size, and the ends in float32 where they are to stay so."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.helper
import pytest
import torch

from small_networks import build, windows
from transmodal.errors import UsageError
from transmodal.inference.engines import _graph
from transmodal.inference.engines.onnxruntime import open_graph
from transmodal.quantizing.graph import quantize_graph


@pytest.mark.parametrize("name", ["unet_regression", "pix2pix"])
def test_integers_come_near_to_the_network_and_cautious_ones_stay_float_at_the_ends(name: str) -> None:
    translator = build(name)
    source, available, _ = windows(translator, 4)
    graph = _graph.write_graph(translator, source.shape[1:])
    with torch.no_grad():
        expected = translator(torch.from_numpy(source), torch.from_numpy(available)).numpy()
    numbers = []
    for is_cautious in (False, True):
        integers = quantize_graph(graph, source, is_cautious=is_cautious)
        difference = open_graph(integers, 1)(source) - expected
        assert 0 < np.sqrt(np.mean(difference**2)) < 0.05 * np.ptp(expected)
        numbers.append(_integer_weights(integers))
    assert numbers[0] == numbers[1] + 2 > 2


def test_a_network_without_products_is_refused() -> None:
    shape = ["batch", 1, 4, 4]
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name in ("source", "synthetic")
    ]
    node = onnx.helper.make_node("Tanh", ["source"], ["synthetic"])
    graph = onnx.helper.make_graph([node], "nothing", ends[:1], ends[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    with pytest.raises(UsageError, match="without a convolution") as refused:
        quantize_graph(model.SerializeToString(), np.zeros((1, 1, 4, 4), np.float32))
    assert refused.value.code == "E004"


def _integer_weights(graph: bytes) -> int:
    """Return how many weights of products are of eight bits."""
    constants = onnx.load_from_string(graph).graph.initializer
    return sum(value.data_type == onnx.TensorProto.INT8 and len(value.dims) > 1 for value in constants)
