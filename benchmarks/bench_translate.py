"""Whole volumes by every engine beside a plain eager slice loop over the same network: one process, one thread.

Run it as `python benchmarks/bench_translate.py`, or with `--smoke` for small networks and few slices. The volume is a slab of a
head of 240 x 240 voxels: time goes with the number of slices, and nothing is extrapolated to whole heads. It fails where a volume
in float32 differs from the loop's by more than 1e-4 of its range; what int8 costs is measured on trained runs by
`transmodal quantize`, and weights here are random.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from turns import has, milliseconds, print_line, ratio_of, read_words, run_alone, take_turns

from transmodal import translators
from transmodal.inference.batching.rule import suit_batch
from transmodal.inference.engines._base import EngineError
from transmodal.inference.model import Model
from transmodal.inference.preprocessing import build_preprocessing, preprocess
from transmodal.recipes.schema import Recipe
from transmodal.translators._facts import window_work
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec, fit

AGREEMENT = 1e-4
GOAL, INT8_GOAL = 2.5, 6.0
SIDE, WINDOW = 240, 256
ENGINES = ("torch", "onnxruntime", "openvino")
_LOST_IN_INT8 = "what normalises and adds stays in float32"
_NO_VNNI = (
    "the processor has no instruction for dot products of bytes (VNNI), which the goal was set with: three instructions do "
    "what one does for floats, on four times as many values, so that integers gain 4/3 where arithmetic alone counts"
)


class Shape(NamedTuple):
    """A network at its paper's width, and so many slices; smaller settings for `--smoke`."""

    name: str
    translator: str
    slices: int
    settings: dict[str, Any]
    smoke: dict[str, Any]
    in_float32: str
    in_int8: str


SHAPES = (
    Shape(
        "unet_256",
        "pix2pix",
        48,
        {},
        {"width": 8},
        "convolutions in float32, of which the loop does as many; the deep ones, at 16 x 16 and below, are bound by reading "
        "54 million weights, and the last one has too few channels to fill a vector",
        _LOST_IN_INT8,
    ),
    Shape(
        "Macro2Micro",
        "macro2micro",
        48,
        {"perceptual_weight": 0},
        {"width": 8},
        "few operations on maps of full size, whose reading and writing the limit does not count",
        f"{_LOST_IN_INT8}, and maps of full size are read and written for it",
    ),
    Shape(
        "ResViT",
        "resvit",
        16,
        {},
        {"width": 8, "depth": 1, "channels": 32, "heads": 2},
        "wide convolutions and products of matrices in float32, of which the loop does as many, at nearly the same rate",
        f"{_LOST_IN_INT8}, and attention does",
    ),
)


def main() -> int:
    words = read_words(__doc__, ("--only", {"help": "one network, such as ResViT"}))
    torch.set_num_threads(1)
    shapes = [shape for shape in SHAPES if words.only in (None, shape.name)]
    lines = [measure(shape, smoke=words.smoke) for shape in shapes]
    for line in lines:
        print_line(line)
    return int(any(line["agreement"] > AGREEMENT for line in lines))


def measure(shape: Shape, *, smoke: bool) -> dict[str, Any]:
    """Return the line of one network."""
    model = build(shape.translator, shape.settings | (shape.smoke if smoke else {}))
    n_slices, rounds = (2, 1) if smoke else (shape.slices, 3)
    source = head(n_slices)
    ways: dict[str, Callable[[], NDArray[Any]]] = {
        "loop": partial(loop, model, deepcopy(model.translator), source)
    }
    expected, differences, refused = ways["loop"](), dict[str, float](), dict[str, str]()
    for engine in (name for name in ENGINES if has(name)):
        way = partial(translate, model, engine, source)
        try:
            differences[engine] = float(np.abs(way() - expected).max())
        except EngineError as error:
            refused[engine] = error.got
        else:
            ways[engine] = way
    ratios_of_int8 = add_int8(model, source, ways, expected)
    seconds = take_turns(ways, rounds, clock=processor_seconds, is_warm=True)
    ratios = {
        f"{shape.name}, {name}": ratio_of(seconds[name], seconds["loop"])
        for name in (*differences, *ratios_of_int8)
    }
    share = share_of_network(ways["torch"])
    return {
        "benchmark": "translate",
        "peer": "a plain eager loop over slices",
        "versions": {name: metadata.version(name) for name in differences},
        "threads": 1,
        "rounds": rounds,
        "smoke": smoke,
        "voxels": [SIDE, SIDE, n_slices],
        "goal": {
            name: GOAL if name.endswith("openvino") else INT8_GOAL
            for name in ratios
            if name.endswith(("openvino", "int8"))
        },
        "ratio": {name: ratio for name, (ratio, _) in ratios.items()},
        "spread": {name: spread for name, (_, spread) in ratios.items()},
        "ours_ms": {name: milliseconds(seconds[name.rpartition(", ")[2]]) for name in ratios},
        "differences": differences,
        "refused": refused,
        "agreement": max(differences.values()),
        "limits": {
            name: work_of(shape, n_slices) for name in ratios if not smoke and not name.endswith("int8")
        },
        "reasons": {
            f"{shape.name}, openvino": shape.in_float32,
            f"{shape.name}, int8": shape.in_int8 if has_vnni() else f"{_NO_VNNI}; {shape.in_int8}",
        },
        "notes": [
            f"translate, {shape.name}: a slab of {n_slices} slices of {SIDE} x {SIDE}, random weights; the graph is written before "
            "the clock runs, once per run that is loaded; the comparison with torch, five windows a volume, is in the time, and "
            "weighs less in a whole head",
            f"translate, {shape.name}: of our way by torch the network takes {share:.1%} of the processor's time",
            *(f"translate, {shape.name}: refused, {words}" for words in refused.values()),
            *(
                f"translate, {shape.name}: by int8, random weights differ from the loop by {rms:.2g} of the range (root mean square)"
                for rms in ratios_of_int8.values()
            ),
        ],
    }


def add_int8(
    model: Model, source: Volume, ways: dict[str, Callable[[], NDArray[Any]]], expected: NDArray[Any]
) -> dict[str, float]:
    """Add translation in integers, calibrated on the slab itself, to the ways; return how far it is from the loop."""
    if not (has("onnxruntime") and has("openvino")):
        return {}
    from transmodal.inference.engines import _graph
    from transmodal.inference.quantized import QuantizedNetwork
    from transmodal.quantizing.graph import quantize_graph

    padded = pad(model, source)
    windows = np.ascontiguousarray(padded[..., :8].transpose(3, 0, 1, 2))
    integers = quantize_graph(_graph.write_graph(model.translator, windows.shape[1:]), windows)
    network = QuantizedNetwork(integers, windows.shape[1:], model.digest, float("inf"), {})
    ways["int8"] = partial(translate, replace(model, quantized=network), "int8", source)
    return {"int8": float(np.sqrt(np.mean((ways["int8"]() - expected) ** 2)))}


def share_of_network(way: Callable[[], object]) -> float:
    """Return the network's share of the processor's time; the rest cuts, stitches, resamples and maps intensities."""
    profile = cProfile.Profile(time.process_time)
    profile.runcall(way)
    stats = pstats.Stats(profile)
    network = sum(
        entry[3]
        for (file, _, function), entry in stats.stats.items()  # type: ignore[attr-defined]  # as pstats prints it
        if function == "infer" and file.endswith("engines/torch.py")
    )
    return float(network / stats.total_tt)  # type: ignore[attr-defined]


def work_of(shape: Shape, n_slices: int) -> dict[str, Any]:
    """Return the operations of translating so many slices."""
    settings = translators.build(shape.translator, shape.settings).config.model_dump(mode="json")
    operations = window_work(shape.translator, settings, (WINDOW, WINDOW)).operations
    return {"gflop": round(1e-9 * operations * n_slices, 1), "dtype": "float32"}


def has_vnni() -> bool:
    """Tell whether the processor has instructions for dot products of bytes, as Linux says it; yes where it does not say."""
    path = Path("/proc/cpuinfo")
    return not path.is_file() or "vnni" in path.read_text(encoding="utf-8")


def processor_seconds() -> float:
    """Return the processor's seconds of this process and of those that it began: OpenVINO works in one of them."""
    tasks = Path("/proc/self/task")
    if not tasks.is_dir():
        return time.perf_counter()
    children = {number for task in tasks.iterdir() for number in (task / "children").read_text().split()}
    return time.process_time() + sum(map(_seconds_of, children))


def _seconds_of(process: str) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def build(name: str, settings: dict[str, Any]) -> Model:
    """Return an untrained model of slices along z."""
    recipe = Recipe.model_validate(
        {
            "name": "speed",
            "translator": name,
            "task": {"source": ["t1"], "target": "fa"},
            "data": {"region": "whole"},
            "windows": {"kind": "slice", "axes": ["z"]},
            "training": {"epochs": 1, "batch": 1, "players": {}},
        }
    )
    torch.manual_seed(0)
    translator = translators.build(name, settings).eval()
    if name == "resvit":  # a new one translates as its first phase does, without transformers
        translator.get_buffer("joined").fill_(True)
    target_map = fit(IntensitySpec("window", 0, 1), np.zeros((1, 1, 1)))
    preprocessing = build_preprocessing(recipe, translator, target_map, learned=(WINDOW, WINDOW))
    preprocessing = suit_batch(
        preprocessing, name, translator.config.model_dump(mode="json"), torch.device("cpu")
    )
    return Model(translator, recipe, preprocessing, "0" * 64, {}, torch.device("cpu"))


def head(n_slices: int) -> Volume:
    """Return the middle slices of something as large as a head."""
    i, j = np.ogrid[:SIDE, :SIDE]
    inside = ((i - SIDE / 2) / 80) ** 2 + ((j - SIDE / 2) / 100) ** 2 < 1
    noise = np.random.default_rng(0).random((SIDE, SIDE, n_slices), dtype=np.float32)
    return Volume((inside[..., None] * (100 + 100 * noise)).astype(np.float32), np.eye(4))


def translate(model: Model, engine: str, source: Volume) -> NDArray[Any]:
    """Translate by our path, from the source volume to the synthetic one."""
    return replace(model, engine_name=engine).translate(source, gate="off").volume.voxels


def loop(model: Model, network: torch.nn.Module, source: Volume) -> NDArray[Any]:
    """Translate slice by slice, as a script would: normalise, pad, run, crop, put back."""
    padded, rim = torch.from_numpy(pad(model, source)[0]), (WINDOW - SIDE) // 2
    synthetic, available = np.empty(source.voxels.shape, np.float32), torch.ones(1, 1)
    with torch.no_grad():
        for k in range(padded.shape[2]):
            window = padded[None, None, :, :, k].contiguous()
            image = network(window, available)
            synthetic[:, :, k] = image[0, 0, rim : rim + SIDE, rim : rim + SIDE].numpy()
    return np.clip((synthetic + 1) / 2, 0, 1)


def pad(model: Model, source: Volume) -> NDArray[np.float32]:
    """Return a source as a network gets it, `(1, 256, 256, K)`."""
    working = preprocess(model.preprocessing, {"t1": source}).working["t1"].voxels
    rim = (WINDOW - SIDE) // 2
    padded: NDArray[np.float32] = np.pad(working, ((rim, rim), (rim, rim), (0, 0)), constant_values=-1)
    return padded[None]


if __name__ == "__main__":
    run_alone(main)
