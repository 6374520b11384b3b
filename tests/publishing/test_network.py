from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch

import small_pages
from transmodal.errors import UsageError
from transmodal.publishing.network import build_graph

SLICES = {"kind": "slice", "axes": ["z"], "size": [32, 48], "fit": "keep"}


def test_slices_of_any_size_where_the_network_knows_no_place() -> None:
    model = small_pages.model()
    graph = build_graph(model)
    assert graph.sides is None
    session = onnxruntime.InferenceSession(graph.content, providers=["CPUExecutionProvider"])
    source = torch.rand(1, 1, 80, 20) * 2 - 1
    expected = model.translator(source, torch.ones(1, 1)).detach().numpy()
    np.testing.assert_allclose(session.run(None, {"source": source.numpy()})[0], expected, atol=1e-5)


def test_slices_of_one_size_where_it_does() -> None:
    assert build_graph(small_pages.model("transunet", learned=(32, 64))).sides == (32, 64)


def test_slices_that_are_resized_have_one_size() -> None:
    assert build_graph(small_pages.model(windows=SLICES)).sides == (32, 48)


@pytest.mark.parametrize(
    ("name", "settings", "reason"),
    [
        ("aldm", {"width": 8}, "it draws noise"),
        (
            "unet_regression",
            {"windows": {"kind": "patch", "size": [8, 8, 8]}, "spatial_dims": 3},
            "3D patches",
        ),
        ("unet_regression", {"target": "colour", "target_channels": 3}, "colour"),
        (
            "unet_regression",
            {"windows": {"axes": ["x", "z"], "plane_channels": True}, "plane_channels": 3, "width": 16},
            "told the plane",
        ),
    ],
)
def test_a_model_that_a_page_cannot_run_is_refused(
    name: str, settings: dict[str, object], reason: str
) -> None:
    with pytest.raises(UsageError, match=rf"{reason}.*transmodal translate") as refused:
        build_graph(small_pages.model(name, **settings))  # type: ignore[arg-type]  # settings of all kinds
    assert refused.value.code == "E004"


def test_a_graph_that_computes_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from transmodal.publishing import network

    monkeypatch.setattr(network, "_run", lambda *_: None)
    with pytest.raises(UsageError, match="does not compute what torch does"):
        build_graph(small_pages.model())


def test_a_network_that_no_graph_writes_is_refused_but_not_over_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from transmodal.publishing import network

    def fail(*_: object) -> bytes:
        raise error

    monkeypatch.setattr(network._graph, "write_graph", fail)
    error: Exception = RuntimeError("an operation")
    with pytest.raises(UsageError, match="its graph"):
        build_graph(small_pages.model())
    error = MemoryError()
    with pytest.raises(MemoryError):
        build_graph(small_pages.model())
