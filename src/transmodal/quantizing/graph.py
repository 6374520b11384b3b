"""A graph of float32 as one whose convolutions and products are of integers, by ONNX Runtime's quantizer."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import UsageError
from transmodal.inference.quantized import LARGEST_BYTES
from transmodal.storage import regular

OPERATIONS = ("Conv", "ConvTranspose", "MatMul", "Gemm")
"""Those that become products of integers; what normalises, activates and adds stays in float32."""
BATCH = 2

Windows = NDArray[np.float32]


def quantize_graph(graph: bytes, windows: Windows, *, is_cautious: bool = False) -> bytes:
    """Return a graph with weights and inputs of its products in eight bits.

    Weights get a scale for each output channel, symmetric about 0; inputs one scale and zero for all, from the least
    to the greatest value that the windows bring there.

    Args:
        graph: ONNX, with the input `source`.
        windows: `(N, C, *S)` that the ranges are taken from.
        is_cautious: leave the first and the last operation in float32, where an error tells most.

    Raises:
        UsageError: E004 for a graph without such operations.
    """
    from onnxruntime.quantization import (  # type: ignore[import-untyped]
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    with TemporaryDirectory() as scratch, _quiet():
        prepared, integers = Path(scratch) / "prepared.onnx", Path(scratch) / "integers.onnx"
        _prepare(graph, Path(scratch) / "float.onnx", prepared)
        quantize_static(
            prepared,
            integers,
            _Reader(windows),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(OPERATIONS),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=_ends(prepared) if is_cautious else [],
            calibrate_method=CalibrationMethod.MinMax,
        )
        return regular.read_bytes(integers, LARGEST_BYTES)


class _Reader:
    """Hands out windows in small batches, as the quantizer asks for them."""

    def __init__(self, windows: Windows) -> None:
        self._batches = iter(
            [np.ascontiguousarray(windows[n : n + BATCH]) for n in range(0, len(windows), BATCH)]
        )

    def get_next(self) -> dict[str, Any] | None:
        """Return the next batch by the name of the input; None behind the last."""
        batch = next(self._batches, None)
        return None if batch is None else {"source": batch}


def _prepare(graph: bytes, place: Path, prepared: Path) -> None:
    """Write a graph with its constants folded, so that weights are seen as such."""
    from onnxruntime.quantization.shape_inference import quant_pre_process  # type: ignore[import-untyped]

    place.write_bytes(graph)
    quant_pre_process(place, prepared, skip_symbolic_shape=True)
    if not _operations(prepared):
        raise UsageError(
            "E004",
            "a network without a convolution or a product to quantize",
            f"one of {', '.join(OPERATIONS)}",
            "Translate by openvino instead.",
        )


def _operations(place: Path) -> list[str]:
    """Return the names of the operations that become integers, in order."""
    import onnx

    return [node.name for node in onnx.load(str(place)).graph.node if node.op_type in OPERATIONS]


def _ends(place: Path) -> list[str]:
    names = _operations(place)
    return [names[0], names[-1]]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the quantizer logs and warns of from the user, who can do nothing about it."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
