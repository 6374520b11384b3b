"""Norms by rows: the same values, and rounding that does not grow with the map."""

from __future__ import annotations

import io
import warnings

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto
from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor, make_tensor_value_info

from small_networks import CPU, build, windows
from transmodal.inference.engines import _graph
from transmodal.inference.engines._norms import KIND, sum_by_rows
from transmodal.inference.engines._openvino_process import GraphProcess
from transmodal.inference.engines.onnxruntime import open_graph

SCALE, SHIFT = [1.5, -0.5], [0.25, 2.0]


def norm_of(sides: list[int | str] | None, epsilon: float | None = None) -> bytes:
    """Return a graph of one norm over maps of these sides; None leaves the number of axes unsaid."""
    shape = None if sides is None else ["batch", 2, *sides]
    settings = {} if epsilon is None else {"epsilon": epsilon}
    constants = [
        make_tensor(name, TensorProto.FLOAT, [2], values)
        for name, values in (("scale", SCALE), ("shift", SHIFT))
    ]
    graph = make_graph(
        [make_node(KIND, ["source", "scale", "shift"], ["synthetic"], **settings)],
        "norm",
        [make_tensor_value_info("source", TensorProto.FLOAT, shape)],
        [make_tensor_value_info("synthetic", TensorProto.FLOAT, shape)],
        constants,
    )
    written: bytes = make_model(
        graph, opset_imports=[make_opsetid("", _graph.OPSET)], ir_version=8
    ).SerializeToString()
    return written


def maps(*sides: int) -> NDArray[np.float32]:
    """Return maps far from 0, whose sums lose bits when they are added value by value."""
    return np.random.default_rng(0).normal(5, 1, (2, 2, *sides)).astype(np.float32)


def expected(source: NDArray[np.float32], epsilon: float) -> NDArray[np.float64]:
    wide = torch.from_numpy(source).double()
    scale, shift = torch.tensor(SCALE).double(), torch.tensor(SHIFT).double()
    values: NDArray[np.float64] = torch.nn.functional.instance_norm(
        wide, weight=scale, bias=shift, eps=epsilon
    ).numpy()
    return values


def kinds(graph: bytes) -> set[str]:
    return {node.op_type for node in onnx.load_model_from_string(graph).graph.node}


@pytest.mark.parametrize("sides", [(128, 128), (3, 5), (16, 8, 24)])
@pytest.mark.parametrize("open_one", [open_graph, GraphProcess])
def test_a_norm_by_rows_is_a_norm_to_float32s_last_bits(
    sides: tuple[int, ...], open_one: _graph.Open
) -> None:
    graph = sum_by_rows(norm_of(list(sides), epsilon=1e-3))
    onnx.checker.check_model(onnx.load_model_from_string(graph))
    assert KIND not in kinds(graph)
    source = maps(*sides)
    np.testing.assert_allclose(open_one(graph, 1)(source), expected(source, 1e-3), rtol=0, atol=4e-6)


def test_an_epsilon_that_is_left_out_is_that_of_the_format() -> None:
    source = (1e-3 * maps(4, 4)).astype(np.float32)
    made = open_graph(sum_by_rows(norm_of(["i", "j"])), 1)(source)
    np.testing.assert_allclose(made, expected(source, 1e-5), rtol=0, atol=1e-5)


def test_a_norm_of_maps_of_any_number_of_axes_stays() -> None:
    assert kinds(sum_by_rows(norm_of(None))) == {KIND}


def test_the_engines_run_norms_by_rows() -> None:
    opened = list[bytes]()

    def note(graph: bytes, threads: int) -> _graph.Session:
        opened.append(graph)
        return open_graph(graph, threads)

    translator = build("pix2pix")
    _graph.build(translator, CPU, "onnxruntime", note).infer(*windows(translator, 2))
    assert KIND in kinds(_graph.write_graph(translator, windows(translator, 1)[0].shape[1:]))
    (graph,) = opened
    assert "ReduceMean" in kinds(graph)
    assert KIND not in kinds(graph)


@pytest.mark.parametrize(("dims", "sides"), [(2, (160, 96)), (3, (12, 24, 20))])
@pytest.mark.parametrize("open_one", [open_graph, GraphProcess])
def test_a_group_norm_is_summed_by_rows_too(dims: int, sides: tuple[int, ...], open_one: _graph.Open) -> None:
    norm = torch.nn.GroupNorm(2, 4).eval()
    torch.nn.init.normal_(norm.weight)
    source = np.concatenate([maps(*sides), maps(*sides) * 2], 1)
    graph = sum_by_rows(graph_of(norm, source.shape))
    onnx.checker.check_model(onnx.load_model_from_string(graph), full_check=True)
    assert KIND in kinds(graph_of(norm, source.shape))
    assert "ReduceMean" in kinds(graph)
    assert KIND not in kinds(graph)
    wide = norm.double()(torch.from_numpy(source).double()).detach().numpy()
    np.testing.assert_allclose(open_one(graph, 1)(source), wide, rtol=0, atol=4e-6)


def graph_of(module: torch.nn.Module, shape: tuple[int, ...]) -> bytes:
    """Return the graph of a module over maps with any batch and any sides, as networks are written."""
    content = io.BytesIO()
    free = {axis: f"axis_{axis}" for axis in (0, *range(2, len(shape)))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (torch.zeros(shape),),
            content,
            input_names=["source"],
            output_names=["synthetic"],
            opset_version=_graph.OPSET,
            dynamic_axes={"source": free, "synthetic": free},
            dynamo=False,
            do_constant_folding=False,
        )
    return content.getvalue()
