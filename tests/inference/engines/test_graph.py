"""Networks as graphs: which are, and that a graph holds for batches of any size."""

from __future__ import annotations

import gc
import sys
import weakref

import numpy as np
import pytest
import torch

from small_networks import CPU, GRAPHS, build, windows
from transmodal import translators
from transmodal.errors import ResourceError, UsageError
from transmodal.inference import engines
from transmodal.inference.engines import _graph
from transmodal.inference.engines._base import EngineError, SupportsRecord


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_computes_what_torch_computes_however_windows_are_batched(name: str, engine: str) -> None:
    translator = build(name)
    source, available, noise = windows(translator, 8)
    fast = engines.build(engine, translator, CPU)
    whole = fast.infer(source, available, noise)
    expected = engines.build("torch", translator, CPU).infer(source, available, noise)
    np.testing.assert_allclose(whole, expected, atol=1e-5)
    for size in (1, 3):
        parts = [slice(n, n + size) for n in range(0, 8, size)]
        batched = np.concatenate([fast.infer(source[p], available[p], noise[p]) for p in parts])
        # Kernels are chosen by the batch and by the processor's instructions, so sums differ in order.
        np.testing.assert_allclose(batched, whole, rtol=0, atol=1e-5)
    assert isinstance(fast, SupportsRecord)
    assert 0 <= fast.record()["largest_difference"] <= 1e-5


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_it_gives_the_same_bytes_again(engine: str) -> None:
    translator = build()
    first, second = (engines.build(engine, translator, CPU).infer(*windows(translator, 3)) for _ in range(2))
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_patches_and_each_windows_own_statistics_are_computed_too(engine: str) -> None:
    small: dict[str, dict[str, int]] = {
        "unet_regression": {},
        "pix2pix": {},
        "cyclegan": {"blocks": 1},
        "macro2micro": {},
    }
    for name, settings in small.items():
        patches = build(name, spatial_dims=3, **settings)
        asked = windows(patches, 2)
        expected = engines.build("torch", patches, CPU).infer(*asked)
        made = engines.build(engine, patches, CPU).infer(*asked)
        np.testing.assert_allclose(made, expected, atol=1e-4, err_msg=name)
    own, running = build("pix2pix"), build("pix2pix", translate_with="running")
    results = [
        engines.build(engine, translator, CPU).infer(*windows(translator, 2)) for translator in (own, running)
    ]
    assert np.abs(results[0] - results[1]).max() > 1e-3


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("aldm", {"width": 8}, "draws noise"),
        ("agi_net", {"width": 8}, "which sources are there"),
    ],
)
@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_network_of_no_fixed_operations_is_refused_at_once(
    name: str, settings: dict[str, int], words: str, engine: str
) -> None:
    translator = translators.build(name, settings).eval()
    with pytest.raises(UsageError, match=f"{words}.*--engine torch") as refused:
        engines.build(engine, translator, CPU)
    assert refused.value.code == "E004"


def test_a_card_is_left_to_torch() -> None:
    with pytest.raises(EngineError, match="runs on cuda"):
        _graph.check(build(), torch.device("cuda"), "openvino")


def test_an_unknown_operation_is_refused_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    translator = translators.build("chromagan", {"width": 8}).eval()
    engine = engines.build("openvino", translator, CPU)
    with pytest.raises(EngineError, match="does not run"):
        engine.infer(*windows(translator, 2))
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_without_the_package_the_extra_is_named(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, engine, None)
    with pytest.raises(ResourceError, match=r"pip install 'transmodal\[engines\]'") as refused:
        engines.build(engine, build(), CPU)
    assert refused.value.code == "E404"


def test_memory_that_runs_out_is_no_reason_to_give_up_the_engine() -> None:
    def fail(shape: tuple[int, ...], threads: int) -> _graph.Session:
        raise MemoryError

    translator = build()
    with pytest.raises(MemoryError):
        _graph.infer(translator, windows(translator, 1)[0], "openvino", fail)


def test_a_graph_is_written_once_for_a_network_and_a_shape_and_goes_with_it() -> None:
    opened = []

    def begin(shape: tuple[int, ...], threads: int) -> _graph.Session:
        opened.append((shape, threads))
        return lambda source: source

    translator = build()
    source = windows(translator, 1)[0]
    for batch in (source, source, source[..., :16]):
        _graph.infer(translator, batch, "counted", begin)
    assert opened == [(batch.shape[1:], torch.get_num_threads()) for batch in (source, source[..., :16])]
    gone = weakref.ref(translator)
    del translator
    gc.collect()
    assert gone() is None
