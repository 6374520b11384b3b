"""What an accelerator gives: training, inference and memory at the papers' widths, in one command under ten minutes.

    python benchmarks/accelerator.py [--device cuda] [--minutes 9]

prints one JSON line per row and a last one with the whole. Every row says on which device it was measured. Rows: images per
second of a training step and its share of the device's peak, in float32 and bfloat16, as it comes and compiled with
weights channels last; MRNet with stored features and with SAM at 1024 computed in each step, and its whole training extrapolated
from both; slices per second of translation; Macro2Micro's latency. A row that fails or has no time left says so and
counts for nothing. `--smoke` takes tiny networks and a few seconds, on any device.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from transmodal import translators
from transmodal.batch import Batch
from transmodal.recipes.training_schema import Player
from transmodal.training import optimizers
from transmodal.training.acceleration import lay_out_channels_last
from transmodal.training.step import step

SAMPLES = 95_559 * 40
"""Slices of MRNet's training: those of SynthRAD2023's training split, over 40 epochs."""
PEAKS = {  # TFLOP/s without sparsity, by the makers' sheets: float32 outside tensor cores, TF32, bfloat16
    "H200": (67.0, 494.7, 989.4),
    "H100": (67.0, 494.7, 989.4),
    "A100": (19.5, 156.0, 312.0),
    "L40S": (91.6, 183.0, 362.0),
}


class Case(NamedTuple):
    """One network: its settings, those of a trial, its phase, its batch, and the shape of its stored features."""

    name: str
    translator: str
    settings: Mapping[str, Any]
    tiny: Mapping[str, Any]
    phase: str = "train"
    batch: int = 16
    features: tuple[int, ...] | None = None


SAM = {"sam": "random", "sam_size": 1024}
TINY_SAM = {"width": 4, "levels": 5, "sam": "random", "sam_model": "tiny", "sam_size": 256}
TINY_RESVIT = {
    "width": 4,
    "blocks": 1,
    "transformer_blocks": (0,),
    "depth": 1,
    "channels": 8,
    "heads": 1,
    "side": 4,
}
CASES = (
    Case("pix2pix", "pix2pix", {}, {"width": 4, "levels": 5}),
    Case("mrnet, features stored", "mrnet", SAM, TINY_SAM, features=(256, 64, 64)),
    Case("mrnet, SAM in each step", "mrnet", SAM, TINY_SAM, batch=8),
    Case("resvit", "resvit", {}, TINY_RESVIT, phase="transformer", batch=8),
    Case(
        "agi_net",
        "agi_net",
        {"source_channels": (1, 1)},
        {"source_channels": (1, 1), "width": 4, "levels": 3, "blocks": 1},
        batch=8,
    ),
)
LATENCY = Case(
    "macro2micro",
    "macro2micro",
    {"perceptual_weight": 0},
    {"perceptual_weight": 0, "width": 4, "discriminator_width": 4, "discriminator_levels": 2,
     "patch_discriminator_width": 2, "patch_discriminator_levels": 2},
)  # fmt: skip


class Bench(NamedTuple):
    """The device, the size of trials, and the end of the time."""

    fabric: Callable[[str], Fabric]
    device: torch.device
    words: str
    side: int
    smoke: bool
    end: float
    seconds: float


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="auto", help="auto, cuda or cpu")
    parser.add_argument("--minutes", type=float, default=9.0, help="after which no row is begun")
    parser.add_argument("--smoke", action="store_true", help="tiny networks, a few seconds")
    words = parser.parse_args()
    bench = open_bench(words.device, words.minutes, words.smoke)
    torch.set_float32_matmul_precision("high")
    rows = []
    for row in measure(bench):
        rows.append(row)
        print(json.dumps(row), flush=True)
    print(json.dumps({"benchmark": "accelerator", "smoke": bench.smoke, "device": bench.words, "rows": rows}))
    return 0 if all("error" not in row for row in rows) else 1


def open_bench(device: str, minutes: float, smoke: bool) -> Bench:
    kind = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    place = torch.device(kind)
    words = torch.cuda.get_device_name() if kind == "cuda" else f"CPU {platform.machine()}"

    def fabric(precision: str) -> Fabric:
        return Fabric(accelerator=kind, devices=1, precision=precision)  # type: ignore[arg-type]

    side, seconds = (64, 0.0) if smoke else (256, 8.0)
    return Bench(fabric, place, words, side, smoke, time.monotonic() + 60 * minutes, seconds)


def measure(bench: Bench) -> Iterator[dict[str, Any]]:
    speeds: dict[str, float] = {}
    for is_compiled in (False, True):
        for precision in ("32-true", "bf16-mixed"):
            for case in CASES:
                row = guarded(bench, f"train {case.name}", train_row, case, precision, is_compiled)
                yield row
                if "images_per_s" in row:
                    speeds[case.name] = max(speeds.get(case.name, 0.0), row["images_per_s"])
    for case in CASES:
        if case.features is None:
            yield guarded(bench, f"translate {case.name}", translate_row, case, 16)
    yield guarded(bench, "latency macro2micro", translate_row, LATENCY, 1)
    for name in ("mrnet, features stored", "mrnet, SAM in each step"):
        if name in speeds:
            hours = SAMPLES / speeds[name] / 3600
            network = "a tiny network's" if bench.smoke else "the"
            yield {
                "row": f"whole training, {name}",
                "device": bench.words,
                "hours": round(hours, 2),
                "kind": f"extrapolated to {SAMPLES} samples from {network} fastest row",
            }


def guarded(bench: Bench, name: str, work: Callable[..., dict[str, Any]], *words: object) -> dict[str, Any]:
    """Return a row; one that fails or has no time left says so."""
    head: dict[str, Any] = {"row": name, "device": bench.words}
    head |= {"smoke": "tiny networks"} if bench.smoke else {}
    if time.monotonic() > bench.end:
        return {**head, "kind": "not measured", "reason": "no time left"}
    try:
        torch.compiler.reset()
        return {**head, "kind": "measured", **work(bench, *words)}
    except Exception as error:
        return {**head, "kind": "not measured", "error": f"{type(error).__name__}: {str(error)[:200]}"}
    finally:
        if bench.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()


def train_row(bench: Bench, case: Case, precision: str, is_compiled: bool) -> dict[str, Any]:
    fabric = bench.fabric(precision)
    translator = build(bench, case)
    players = translator.players(case.phase)
    if is_compiled:
        lay_out_channels_last(translator)
        if not bench.smoke:
            for player in players.values():
                player.compile()
    learners = {name: optimizers.build(Player(), module, fused=True) for name, module in players.items()}
    batch = batch_of(bench, case, 2 if bench.smoke else case.batch)

    def take() -> None:
        step(fabric, translator, learners, batch)

    with FlopCounterMode(display=False) if not is_compiled else nullcontext() as counter:
        take()
    flops = None if counter is None else counter.get_total_flops()
    seconds = time_calls(bench, take)
    n = len(batch.source)
    row: dict[str, Any] = {
        "precision": precision,
        "compiled": is_compiled and not bench.smoke,
        "channels_last": is_compiled,
        "batch": n,
        "images_per_s": round(n / seconds, 2),
        "gib": peak_gib(bench),
    }
    if flops:
        row["tflop_per_s"] = round(flops / seconds / 1e12, 4)
        row["share_of_peak"] = share_of_peak(bench, precision, row["tflop_per_s"])
    return row


def translate_row(bench: Bench, case: Case, size: int) -> dict[str, Any]:
    translator = build(bench, case).eval()
    batch = batch_of(bench, case, size if not bench.smoke else min(size, 2))
    precision = torch.bfloat16 if bench.device.type == "cuda" else torch.float32

    def take() -> None:
        with (
            torch.inference_mode(),
            torch.autocast(bench.device.type, precision, enabled=precision == torch.bfloat16),
        ):
            translator(batch.source, batch.available, batch.features)

    seconds = time_calls(bench, take)
    n = len(batch.source)
    return {
        "batch": n,
        "slices_per_s": round(n / seconds, 2),
        "ms_per_call": round(1e3 * seconds, 3),
        "gib": peak_gib(bench),
    }


def build(bench: Bench, case: Case) -> translators.Translator[Any]:
    torch.manual_seed(0)
    translator = translators.build(case.translator, dict(case.tiny if bench.smoke else case.settings))
    if case.phase == "transformer":  # a new one translates as its first phase does, without transformers
        translator.get_buffer("joined").fill_(True)
    translator.to(bench.device)
    for network in translator.frozen().values():
        network.to(bench.device)
    return translator.train()


def batch_of(bench: Bench, case: Case, size: int) -> Batch:
    draw = torch.Generator().manual_seed(1)
    settings = case.tiny if bench.smoke else case.settings
    channels = len(settings.get("source_channels", (1,)))

    def images(n: int) -> Tensor:
        return torch.rand(size, n, bench.side, bench.side, generator=draw)

    shape = (16, 16, 16) if bench.smoke else case.features
    features = None if case.features is None or shape is None else torch.rand(size, *shape, generator=draw)
    batch = Batch(
        images(channels), torch.ones(size, channels), images(1), features=features, draw=torch.arange(size)
    )
    return batch.to(bench.device)._replace(phase=case.phase)


def time_calls(bench: Bench, take: Callable[[], None]) -> float:
    """Return the median time of a call, s, after two that warm up."""
    spent: list[float] = []
    for _ in range(2):
        take()
    synchronise(bench)
    end = time.monotonic() + bench.seconds
    while not spent or (time.monotonic() < end and len(spent) < 30):
        start = time.perf_counter()
        take()
        synchronise(bench)
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)


def synchronise(bench: Bench) -> None:
    if bench.device.type == "cuda":
        torch.cuda.synchronize()


def peak_gib(bench: Bench) -> float | None:
    """Return the most memory of the card that tensors took; None on other devices."""
    return round(torch.cuda.max_memory_allocated() / 2**30, 2) if bench.device.type == "cuda" else None


def share_of_peak(bench: Bench, precision: str, tflops: float) -> float | None:
    """Return the share of the card's peak; None for a device whose peak is not known here."""
    peaks = next((peaks for name, peaks in PEAKS.items() if name in bench.words), None)
    # Products of float32 may run in TF32 here, so that peak is what they are held against.
    return None if peaks is None else round(tflops / peaks[2 if precision == "bf16-mixed" else 1], 4)


if __name__ == "__main__":
    sys.exit(main())
