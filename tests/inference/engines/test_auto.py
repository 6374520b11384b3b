"""The fastest engine that computes as torch does."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from small_networks import CPU, ChangedEngine, build, windows
from transmodal import translators
from transmodal.inference import engines
from transmodal.inference.engines._base import SupportsRecord
from transmodal.inference.engines._compared import ComparedEngine
from transmodal.inference.engines.auto import CANDIDATES, AutoEngine
from transmodal.inference.engines.torch import TorchEngine


def test_the_fastest_that_is_installed_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for expected in (*CANDIDATES, "torch"):
        engine = engines.build("auto", build(), CPU)
        engine.infer(*windows(build(), 2))
        assert isinstance(engine, SupportsRecord)
        assert engine.record()["name"] == expected
        monkeypatch.setitem(sys.modules, expected, None)
    assert engine.record()["fallback"] == "openvino is not installed"
    assert engine.record()["version"] == torch.__version__


def test_torch_computes_what_no_graph_does_and_it_is_said_why() -> None:
    translator = translators.build("aldm", {"width": 8}).eval()
    engine = engines.build("auto", translator, CPU)
    assert isinstance(engine, AutoEngine)
    engine.infer(*windows(translator, 1))
    assert engine.record() == {
        "name": "torch",
        "version": torch.__version__,
        "fallback": "ALDM by openvino: it draws noise, which torch alone can repeat",
    }


def test_an_engine_that_differs_hands_over_to_the_next() -> None:
    plain = TorchEngine(build(), CPU)
    wrong = ComparedEngine("openvino", ChangedEngine(plain, lambda x: x + 1), plain)
    right = ComparedEngine("onnxruntime", ChangedEngine(plain, lambda x: x + np.float32(1e-6)), plain)
    engine = AutoEngine({"openvino": wrong, "onnxruntime": right}, plain)
    engine.infer(*windows(build(), 2))
    assert engine.record()["name"] == "onnxruntime"
    assert "openvino differs from torch" in engine.record()["fallback"]


def test_where_one_takes_over_within_a_volume_the_same_way_is_recorded() -> None:
    plain = TorchEngine(build(), CPU)
    partly = ChangedEngine(plain, lambda x: x + (x.shape[-1] < 32))
    engine = AutoEngine({"openvino": ComparedEngine("openvino", partly, plain)}, plain)
    source, available, noise = windows(build(), 2)
    engine.infer(source, available, noise)
    engine.infer(source[..., :16], available, noise)
    assert engine.record()["name"] == "auto"
