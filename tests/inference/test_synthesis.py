"""The route around a network, with an engine that is a few lines of numpy: it needs `infer` and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.data.loader import seed_of
from transmodal.inference.engines._base import Engine
from transmodal.inference.preprocessing import Preprocessing, preprocess
from transmodal.inference.synthesis import synthesise
from transmodal.storage.process_memory import allocator
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec, fit
from transmodal.volumes.windows.cut import Cutting

SHAPE = (7, 6, 5)


class MeanEngine:
    """Averages the sources that are there; keeps what it was given."""

    def __init__(self, channels: int = 1) -> None:
        self.channels = channels
        self.calls: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = []

    def infer(
        self, source: NDArray[np.float32], available: NDArray[np.float32], noise: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        self.calls.append((source, available, noise))
        mean = source.sum(axis=1, keepdims=True) / available.sum(axis=1).reshape(-1, *[1] * (source.ndim - 1))
        return np.repeat(mean, self.channels, axis=1)


def preprocessing(**changes: Any) -> Preprocessing:  # noqa: ANN401
    window = IntensitySpec("window", 0.0, 1.0)
    settings: dict[str, Any] = {
        "sources": ("t1", "t2"),
        "target": "fa",
        "spacing_mm": None,
        "region": "whole",
        "specs": dict.fromkeys(("t1", "t2"), window),
        "cutting": Cutting("slice"),
        "axes": (2,),
        "fuse": "mean",
        "batch": 4,
        "target_map": fit(window, np.zeros((1, 1, 1))),
        "accepts_missing": True,
    }
    return Preprocessing(**{**settings, **changes})


def images() -> dict[str, Volume]:
    draw = np.random.default_rng(2)
    return {name: Volume(draw.random(SHAPE, dtype=np.float32), np.eye(4)) for name in ("t1", "t2")}


def test_windows_go_through_the_engine_and_come_back_as_a_volume_in_real_units() -> None:
    engine, sources, counts = MeanEngine(), images(), list[tuple[int, int]]()
    through: Engine = engine
    whole = preprocessing(axes=(0, 2), fuse="median")
    synthetic = synthesise(
        through, whole, preprocess(whole, sources), lambda n, total: counts.append((n, total))
    )
    expected = (sources["t1"].voxels + sources["t2"].voxels) / 2
    np.testing.assert_allclose(synthetic.volume.voxels, expected, atol=1e-6)
    assert synthetic.disagreement is not None
    assert float(np.abs(synthetic.disagreement.voxels).max()) < 1e-6
    assert [len(source) for source, _, _ in engine.calls] == [4, 3, 4, 1]
    assert counts == [(4, 12), (7, 12), (11, 12), (12, 12)]
    for source, available, noise in engine.calls:
        assert (source.dtype, available.dtype, noise.dtype) == (np.float32, np.float32, np.int64)
        assert source.shape[1] == available.shape[1] == 2
        assert len(noise) == len(source)


def test_an_engine_is_told_the_plane_of_every_window() -> None:
    engine = MeanEngine()
    told = preprocessing(axes=(0, 2), plane_channels=True, batch=16)
    synthesise(engine, told, preprocess(told, images()))
    for (source, *_), axis in zip(engine.calls, (0, 2), strict=True):
        assert source.shape[1] == 2 + 3
        assert source[:, 2:].mean(axis=(0, 2, 3)).tolist() == [float(axis == n) for n in range(3)]


def test_a_missing_source_is_zero_and_said_to_be_absent() -> None:
    engine, sources = MeanEngine(), images()
    del sources["t1"]
    coloured = preprocessing(source_channels={"t1": 3, "t2": 1}, cutting=Cutting("slab", depth=3))
    synthetic = synthesise(engine, coloured, preprocess(coloured, sources))
    source, available, _ = engine.calls[0]
    assert source.shape[1] == (3 + 1) * 3
    assert not source[:, :9].any()
    assert available.tolist() == [[0.0, 1.0]] * 4
    assert synthetic.volume.voxels.shape == SHAPE


def test_seeds_tell_windows_and_draws_apart_and_channels_are_the_engines() -> None:
    engine, drawn = MeanEngine(channels=3), preprocessing(draws=2, target="colour", batch=8)
    synthetic = synthesise(engine, drawn, preprocess(drawn, images()))
    assert synthetic.volume.voxels.shape == (*SHAPE, 3)
    first, second = (noise.tolist() for _, _, noise in engine.calls)
    assert first == [seed_of("translate", 2, 0, 0, k) for k in range(SHAPE[2])]
    assert second == [seed_of("translate", 2, 0, 0, k, "draw", 1) for k in range(SHAPE[2])]


def test_an_onnx_session_is_an_engine(tmp_path: Path) -> None:
    """The mean over channels, exported: the same volume as in numpy."""
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["source", "axes"], ["synthetic"], keepdims=1)],
        "mean",
        [helper.make_tensor_value_info("source", kind, ["n", "c", "h", "w"])],
        [helper.make_tensor_value_info("synthetic", kind, ["n", 1, "h", "w"])],
        [helper.make_tensor("axes", onnx.TensorProto.INT64, [1], [1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, tmp_path / "mean.onnx")
    session = runtime.InferenceSession(str(tmp_path / "mean.onnx"), providers=["CPUExecutionProvider"])

    class OnnxEngine:
        def infer(
            self, source: NDArray[np.float32], available: NDArray[np.float32], noise: NDArray[np.int64]
        ) -> NDArray[np.float32]:
            output: NDArray[np.float32] = session.run(None, {"source": source})[0]
            return output

    three_planes = preprocessing(axes=(0, 1, 2))
    preprocessed = preprocess(three_planes, images())
    exported = synthesise(OnnxEngine(), three_planes, preprocessed).volume.voxels
    np.testing.assert_allclose(
        exported, synthesise(MeanEngine(), three_planes, preprocessed).volume.voxels, atol=1e-6
    )


@pytest.mark.parametrize("kind", ["slice", "patch"])
def test_windows_outside_the_region_are_not_translated_and_the_volume_is_the_same(
    kind: Literal["slice", "patch"],
) -> None:
    cutting = Cutting(kind, (4, 4, 4), overlap=0.5) if kind == "patch" else Cutting(kind)
    settings = preprocessing(axes=(0, 2), fuse="median", cutting=cutting)
    whole = preprocess(settings, images())
    region = np.zeros(SHAPE, np.bool_)
    region[0, 1:3, 1:3] = True
    part = replace(whole, region=region)
    few, all_windows = MeanEngine(), MeanEngine()
    counts = list[tuple[int, int]]()
    volume = synthesise(few, settings, part, lambda n, total: counts.append((n, total))).volume
    expected = synthesise(all_windows, settings, whole).volume
    np.testing.assert_array_equal(volume.voxels, np.where(region, expected.voxels, 0))
    assert volume.voxels[~region].max() == 0 < volume.voxels[region].min()
    n_few, n_all = (sum(len(source) for source, _, _ in engine.calls) for engine in (few, all_windows))
    assert n_few == {"slice": 1 + 2, "patch": 4}[kind]
    assert n_all == {"slice": 7 + 5, "patch": 12}[kind]
    assert counts[-1] == (n_few, n_few)


@pytest.mark.parametrize("kind", ["slice", "patch"])
@pytest.mark.parametrize("spacing_mm", [0.6, 1.7, 2.5])
def test_they_are_not_translated_on_another_grid_either_and_the_volume_is_the_same(
    kind: Literal["slice", "patch"], spacing_mm: float
) -> None:
    """A voxel of the region is mixed of its neighbours on the working grid, some of which lie outside."""
    cutting = Cutting(kind, (4, 4, 4), overlap=0.5) if kind == "patch" else Cutting(kind)
    settings = preprocessing(axes=(0, 1, 2), cutting=cutting, spacing_mm=spacing_mm)
    draw, shape = np.random.default_rng(3), (24, 22, 20)
    sources = {name: Volume(draw.random(shape, dtype=np.float32), np.eye(4)) for name in ("t1", "t2")}
    whole = preprocess(settings, sources)
    region = np.zeros(shape, np.bool_)
    region[0, 9, 3:7] = region[6:9, 11, 6] = True  # at the rim of the field of view, and within
    few, all_windows = MeanEngine(), MeanEngine()
    part = synthesise(few, settings, replace(whole, region=region))
    expected = synthesise(all_windows, settings, whole)
    np.testing.assert_allclose(part.volume.voxels[region], expected.volume.voxels[region], rtol=1e-6)
    assert not part.volume.voxels[~region].any()
    assert part.disagreement is not None or kind == "patch"
    n_few, n_all = (sum(len(source) for source, _, _ in engine.calls) for engine in (few, all_windows))
    assert n_few < n_all


def test_a_region_of_nothing_is_translated_whole() -> None:
    engine, settings = MeanEngine(), preprocessing()
    empty = replace(preprocess(settings, images()), region=np.zeros(SHAPE, np.bool_))
    synthesise(engine, settings, empty)
    assert sum(len(source) for source, _, _ in engine.calls) == SHAPE[2]


def test_memory_that_networks_freed_goes_back_also_when_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = list[str]()
    monkeypatch.setattr(allocator, "reuse_freed_memory", lambda: calls.append("reuse"))
    monkeypatch.setattr(allocator, "give_back", lambda: calls.append("give back"))
    settings = preprocessing()
    preprocessed = preprocess(settings, images())
    synthesise(MeanEngine(), settings, preprocessed)
    assert calls == ["reuse", "give back"]

    class FailingEngine(MeanEngine):
        def infer(self, *_: NDArray[Any]) -> NDArray[np.float32]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesise(FailingEngine(), settings, preprocessed)
    assert calls == ["reuse", "give back"] * 2


class RampEngine:
    """Weighs the columns of each window from left to right, so that a mirrored window comes out otherwise."""

    def infer(
        self, source: NDArray[np.float32], available: NDArray[np.float32], noise: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        weights = np.linspace(0.0, 1.0, source.shape[2], dtype=np.float32)[:, None]
        return source.mean(axis=1, keepdims=True) * weights


def test_a_mirrored_pass_is_mirrored_back_before_the_passes_become_one() -> None:
    settings = preprocessing(sources=("t1",), flips=(0,))
    preprocessed = preprocess(settings, {"t1": images()["t1"]})
    both = synthesise(RampEngine(), settings, preprocessed)
    mapped = preprocessed.working["t1"].voxels
    weights = np.linspace(0.0, 1.0, SHAPE[0], dtype=np.float32)[:, None, None]
    # A window's first columns are those of one end of the volume, then those of the other.
    passes = [settings.target_map.invert(mapped * one) for one in (weights, weights[::-1])]
    np.testing.assert_allclose(both.volume.voxels, np.mean(passes, axis=0), atol=1e-6)
    assert both.disagreement is not None
    np.testing.assert_allclose(both.disagreement.voxels, np.std(passes, axis=0), atol=1e-6)


@pytest.mark.parametrize("kind", ["slice", "patch"])
def test_mirrored_passes_leave_out_the_windows_outside_the_region_too(
    kind: Literal["slice", "patch"],
) -> None:
    cutting = Cutting(kind, (4, 4, 4), overlap=0.5) if kind == "patch" else Cutting(kind)
    settings = preprocessing(axes=(0, 2), cutting=cutting, flips=(0, 1))
    whole = preprocess(settings, images())
    region = np.zeros(SHAPE, np.bool_)
    region[1:3, 1:4, 1:2] = True
    part = replace(whole, region=region)
    complete, sparse = MeanEngine(), MeanEngine()
    expected = synthesise(complete, settings, whole).volume.voxels
    made = synthesise(sparse, settings, part).volume.voxels
    np.testing.assert_allclose(made[region], expected[region], atol=1e-6)
    assert sum(len(source) for source, _, _ in sparse.calls) < sum(len(one) for one, _, _ in complete.calls)


def test_flips_have_noise_of_their_own() -> None:
    engine, mirrored = MeanEngine(), preprocessing(flips=(1,), batch=8)
    synthesise(engine, mirrored, preprocess(mirrored, images()))
    first, second = (noise.tolist() for _, _, noise in engine.calls)
    assert first == [seed_of("translate", 2, 0, 0, k) for k in range(SHAPE[2])]
    assert second == [seed_of("translate", 2, 0, 0, k, "flip", 1) for k in range(SHAPE[2])]
