"""Norms of a graph, summed row by row: engines add up a map value by value, whose rounding grows with the map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import onnx

KIND = "InstanceNormalization"
_BATCH_AND_CHANNELS = 2
_FLATTENED = 3
"""Axes of a map that is flattened by group: batch, groups and values."""


def sum_by_rows(graph: bytes) -> bytes:
    """Write every norm of an ONNX graph by instance or group as means over one axis after the other.

    A mean of means has as many sums in a row as the map has rows, not as it has values, so that its rounding does not
    grow with the map. Norms of maps whose number of axes the graph does not say stay as they are.
    """
    import onnx

    model = onnx.load_model_from_string(graph)
    n_axes = _axes_of(model)
    for node in model.graph.node:
        if node.op_type == KIND:
            n_axes |= _keep_rows(node, n_axes, model.graph)
    used = {name for node in model.graph.node for name in node.input}
    nodes = [node for node in model.graph.node if node.op_type != "Constant" or used & set(node.output)]
    del model.graph.node[:]
    for number, node in enumerate(nodes):
        if node.op_type == KIND and node.input[0] in n_axes:
            model.graph.node.extend(_rows(node, n_axes[node.input[0]], f"norm_{number}", model.graph))
        else:
            model.graph.node.append(node)
    written: bytes = model.SerializeToString(deterministic=True)
    return written


def _axes_of(model: onnx.ModelProto) -> dict[str, int]:
    """Return the number of axes of each array that has a known one."""
    from onnx.shape_inference import infer_shapes

    known = infer_shapes(model).graph
    return {
        info.name: len(info.type.tensor_type.shape.dim)
        for info in (*known.input, *known.value_info)
        if info.type.tensor_type.HasField("shape")
    }


def _keep_rows(norm: onnx.NodeProto, n_axes: Mapping[str, int], graph: onnx.GraphProto) -> dict[str, int]:
    """Let a group norm, an instance norm of maps that were flattened, have maps with rows: `(B, G, C / G * H, W)`.

    Returns:
        The number of axes of its maps now; nothing for another norm.
    """
    from onnx.numpy_helper import from_array, to_array

    flattening = _maker(norm.input[0], graph)
    if flattening is None or flattening.op_type != "Reshape" or n_axes.get(norm.input[0]) != _FLATTENED:
        return {}
    made, shape = _maker(flattening.input[1], graph), flattening.input[1]
    source_axes = n_axes.get(flattening.input[0], 0)
    if made is None or made.op_type != "Constant" or source_axes <= _FLATTENED:
        return {}
    batch, groups, rest = to_array(made.attribute[0].t).tolist()
    if (batch, rest) != (0, -1):
        return {}
    rows = np.array([0, groups, -1, *(0 for _ in range(source_axes - _FLATTENED))], dtype=np.int64)
    graph.initializer.append(from_array(rows, f"{shape}_rows"))
    flattening.input[1] = f"{shape}_rows"
    return {norm.input[0]: source_axes}


def _maker(array: str, graph: onnx.GraphProto) -> onnx.NodeProto | None:
    """Return the node of a graph that makes an array; None for an input or a stored one."""
    return next((node for node in graph.node if array in node.output), None)


def _rows(node: onnx.NodeProto, n_axes: int, name: str, graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yield what computes a norm by rows."""
    from onnx import TensorProto
    from onnx.helper import get_attribute_value, make_node, make_tensor

    def whole_numbers(label: str, values: list[int]) -> str:
        graph.initializer.append(make_tensor(f"{name}_{label}", TensorProto.INT64, [len(values)], values))
        return f"{name}_{label}"

    def means(array: str, label: str) -> Iterator[onnx.NodeProto]:
        for axis in range(n_axes - 1, _BATCH_AND_CHANNELS - 1, -1):
            mean = f"{name}_{label}_{axis}"
            yield make_node("ReduceMean", [array, f"{name}_axis_{axis}"], [mean], keepdims=1)
            array = mean

    source, scale, shift = node.input
    epsilon = next((get_attribute_value(item) for item in node.attribute if item.name == "epsilon"), 1e-5)
    graph.initializer.append(make_tensor(f"{name}_epsilon", TensorProto.FLOAT, [1], [epsilon]))
    for axis in range(_BATCH_AND_CHANNELS, n_axes):
        whole_numbers(f"axis_{axis}", [axis])
    per_channel = whole_numbers("per_channel", [1, -1, *(1,) * (n_axes - _BATCH_AND_CHANNELS)])
    first, last = f"{_BATCH_AND_CHANNELS}", f"{name}_scaled"
    yield from means(source, "mean")
    yield make_node("Sub", [source, f"{name}_mean_{first}"], [f"{name}_rest"])
    yield make_node("Mul", [f"{name}_rest", f"{name}_rest"], [f"{name}_square"])
    yield from means(f"{name}_square", "variance")
    yield make_node("Add", [f"{name}_variance_{first}", f"{name}_epsilon"], [f"{name}_sum"])
    yield make_node("Sqrt", [f"{name}_sum"], [f"{name}_deviation"])
    yield make_node("Reshape", [scale, per_channel], [f"{name}_scale"])
    yield make_node("Reshape", [shift, per_channel], [f"{name}_shift"])
    yield make_node("Div", [f"{name}_scale", f"{name}_deviation"], [f"{name}_factor"])
    yield make_node("Mul", [f"{name}_rest", f"{name}_factor"], [last])
    yield make_node("Add", [last, f"{name}_shift"], [node.output[0]])
