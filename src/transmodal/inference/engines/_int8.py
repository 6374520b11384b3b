"""A network in integers of eight bits, run by OpenVINO on the CPU, from the graph that `transmodal quantize` wrote of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from transmodal.inference.engines import INT8, _graph
from transmodal.inference.engines._compared import ComparedEngine, Tolerance, rms_difference
from transmodal.inference.engines._openvino_process import GraphError, GraphProcess
from transmodal.inference.engines.torch import TorchEngine
from transmodal.inference.quantized import QuantizedNetwork
from transmodal.translators._base import Translator

PACKAGE = "openvino"


@dataclass(frozen=True, slots=True)
class Int8Engine:
    """Runs a quantized graph.

    Attributes:
        translator: that it was made of, on the CPU.
        quantized: the graph.
    """

    translator: Translator[Any]
    quantized: QuantizedNetwork

    def infer(
        self, source: NDArray[np.float32], available: NDArray[np.float32], noise: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Translate a batch of windows, of which every source is there; see `Engine`.

        Raises:
            EngineError: E004 for windows of another shape than the graph's, and where it does not run.
        """
        return _graph.infer(self.translator, source, f"{INT8} {self.quantized.graph_sha256}", self._begin)

    def _begin(self, shape: tuple[int, ...], threads: int) -> _graph.Session:
        if shape != self.quantized.shape:
            raise GraphError(f"it takes windows of {_sides(self.quantized.shape)}, not of {_sides(shape)}")
        return GraphProcess(self.quantized.graph, threads)


class ComparedInt8Engine(ComparedEngine):
    """An int8 engine whose first windows have to be as near to torch as those that it was calibrated on."""

    def __init__(
        self, translator: Translator[Any], device: torch.device, quantized: QuantizedNetwork
    ) -> None:
        super().__init__(
            INT8,
            Int8Engine(translator, quantized),
            TorchEngine(translator, device),
            PACKAGE,
            Tolerance(rms_difference, quantized.tolerance, "rms_difference"),
        )
        self._quantized = quantized

    def record(self) -> Mapping[str, Any]:
        """Return what computed, how near it is to torch, and what it cost on validation subjects."""
        loss = {name: value for name, value in self._quantized.loss.items() if name != "figures"}
        return {**super().record(), "graph_sha256": self._quantized.graph_sha256, "loss": loss}


def build(
    translator: Translator[Any], device: torch.device, quantized: QuantizedNetwork
) -> ComparedInt8Engine:
    """Build the engine of a quantized network.

    Raises:
        EngineError: E004 for a network that no fixed graph computes, or a device that is not the CPU.
        ResourceError: E404 without OpenVINO.
    """
    _graph.check(translator, device, INT8)
    _graph.check_installed(PACKAGE)
    return ComparedInt8Engine(translator, device, quantized)


def _sides(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
