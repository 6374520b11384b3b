"""The translator as an ONNX graph, run by OpenVINO on the CPU in float32, in a process of its own."""

from __future__ import annotations

from typing import Any

import torch

from transmodal.inference.engines import _graph
from transmodal.inference.engines._compared import ComparedEngine
from transmodal.inference.engines._openvino_process import GraphProcess
from transmodal.translators._base import Translator

NAME = "openvino"


def build(translator: Translator[Any], device: torch.device) -> ComparedEngine:
    """Build the engine of a translator on a device.

    Raises:
        EngineError: E004 for a network that no fixed graph computes, or a device that is not the CPU.
        ResourceError: E404 without OpenVINO.
    """
    return _graph.build(translator, device, NAME, GraphProcess)
