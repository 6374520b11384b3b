"""The engine of integers takes windows of its graph's shape, and those alone that come out nearly as torch's do."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from small_networks import CPU, build, windows
from transmodal.errors import ResourceError, UsageError
from transmodal.inference import engines
from transmodal.inference.engines import _graph, _int8
from transmodal.inference.engines._base import EngineError
from transmodal.inference.quantized import QuantizedNetwork
from transmodal.quantizing.graph import quantize_graph


def quantize(tolerance: float = 0.05) -> tuple[_int8.ComparedInt8Engine, QuantizedNetwork]:
    translator = build()
    source = windows(translator, 4)[0]
    graph = quantize_graph(_graph.write_graph(translator, source.shape[1:]), source)
    loss = {"psnr_db": 0.01, "figures": ["many"]}
    network = QuantizedNetwork(graph, source.shape[1:], "0" * 64, tolerance, loss)
    return _int8.build(translator, CPU, network), network


def test_it_computes_nearly_what_torch_does_and_says_how_nearly() -> None:
    engine, network = quantize()
    translator = build()
    source, available, noise = windows(translator, 4)
    expected = engines.build("torch", translator, CPU).infer(source, available, noise)
    difference = engine.infer(source, available, noise) - expected
    assert 0 < np.sqrt(np.mean(difference**2)) < 0.05 * np.ptp(expected)
    record = engine.record()
    assert (record["name"], record["graph_sha256"]) == ("int8", network.graph_sha256)
    assert 0 < record["rms_difference"] <= record["tolerance"] == 0.05
    assert record["loss"] == {"psnr_db": 0.01}


def test_other_windows_are_refused() -> None:
    engine, _ = quantize()
    source, available, noise = windows(build(), 2)
    with pytest.raises(EngineError, match=r"takes windows of 1 x 32 x 32, not of 1 x 32 x 16"):
        engine.infer(source[..., :16], available, noise)
    strict, _ = quantize(tolerance=1e-7)
    with pytest.raises(EngineError, match="by int8 differs from torch"):
        strict.infer(source, available, noise)


def test_networks_that_no_graph_computes_and_a_missing_package_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, network = quantize()
    with pytest.raises(EngineError, match="which sources are there"):
        _int8.build(build("agi_net", width=8), CPU, network)
    with pytest.raises(UsageError, match="a run that was quantized") as alone:
        engines.build("int8", build(), CPU)
    assert alone.value.code == "E004"
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ResourceError, match=r"transmodal\[engines\]"):
        _int8.build(build(), CPU, replace(network))
