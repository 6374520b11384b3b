"""Stores of SAM's features: what each kind changes in a translation, what it takes on the disk, and how fast a cold one is read.

MRNet translates windows of 256 x 256 with its SAM features in float32, and with those that each kind of store gives back: float16,
8 bits, and both from features that are pooled. SAM and the generator have random weights, so that the differences are those
of an untrained network, which did not learn to do with what is stored. Then a file of many windows is written, put out of
the system's cache, and read: window by window as training reads it, and whole as opening it does, which compares its hash.
The disk of a virtual machine may have a cache of its host behind it. One JSON line. It fails where bytes do not come back as the values
that were rounded. Run it as `python benchmarks/bench_stores.py`, or with `--smoke` for a few seconds.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional
from turns import print_line, read_words, run_alone

from transmodal.data.eight_bits import pack, round_features, unpack
from transmodal.storage.arrays import kept, verified
from transmodal.translators import mrnet

COLD, OPENING = "cold reading, window by window", "cold opening, whole and hashed"
SMOKE = {"width": 4, "levels": 5, "sam_model": "tiny", "sam_size": 256}
H200_WINDOWS = 2100
"""Windows of a training that one card is estimated to take in a second, by its peak and a quarter of it."""


class Kind(NamedTuple):
    """A kind of store: features come back from it, and take bytes per window."""

    features: Tensor
    megabytes: float


class Reading(NamedTuple):
    """Seconds per window of a cold store; `is_cold` is None where the system does not tell."""

    by_window: float
    whole: float
    warm: float
    is_cold: bool | None


def main() -> int:
    smoke = read_words(__doc__).smoke
    torch.set_num_threads(1)
    torch.manual_seed(0)
    side, many, settings = (64, 8, SMOKE) if smoke else (256, 128, {})
    translator = mrnet.build(mrnet.Config(sam="random", **settings)).eval()
    source, available = windows(side), torch.ones(1, 1)
    assert translator._sam is not None
    with torch.no_grad():
        raw = translator._sam(translator._picture(source))
        kinds = stores(raw)
        outputs = {name: translator(source, available, kind.features) for name, kind in kinds.items()}
        step = best(lambda: translator(source, available, kinds["float16"].features))
    equal = torch.equal(torch.from_numpy(unpack(pack(round_features(raw))[0])), round_features(raw)[0])
    with tempfile.TemporaryDirectory() as place:
        reading = read_cold(Path(place), kinds["float16"].features, many)
    usual, whole = outputs.pop("float32"), kinds.pop("float32")
    ratios = {f"size, {name}": rounded(whole.megabytes / kind.megabytes) for name, kind in kinds.items()}
    ratios |= {COLD: rounded(step / reading.by_window), OPENING: rounded(step / reading.whole)}
    print_line(
        {
            "benchmark": "stores",
            "peer": "a store of float32; for cold ones, the network's forward pass of a window",
            "smoke": smoke,
            "clock": "wall",
            "ratio": ratios,
            "ours_ms": {COLD: rounded(1e3 * reading.by_window), OPENING: rounded(1e3 * reading.whole)},
            "goal": {COLD: 1.0, OPENING: 1.0},
            "reasons": dict.fromkeys(
                (COLD, OPENING), "the disk is slower than the network is on this processor"
            ),
            "notes": [
                tell_effects(kinds, whole, outputs, usual),
                tell_reading(kinds["float16"], reading, step),
            ],
            "cold": reading.is_cold,
            "bytes_come_back": equal,
        }
    )
    return 0 if equal else 1


def windows(side: int) -> Tensor:
    """Return a window of smooth tissue with noise, in [-1, 1]."""
    random = np.random.default_rng(0)
    lumps = ndimage.gaussian_filter(random.standard_normal((side, side)), side / 24)
    image = lumps / np.abs(lumps).max() + 0.05 * random.standard_normal((side, side))
    return torch.from_numpy(np.clip(image, -1, 1).astype(np.float32))[None, None]


def stores(raw: Tensor) -> dict[str, Kind]:
    """Return what every kind of store gives back of SAM's features."""
    pooled = {pool: functional.avg_pool2d(raw, pool, ceil_mode=True) for pool in (1, 2, 4)}
    kinds = {"float32": Kind(raw, raw.numel() * 4e-6)}
    for pool, features in pooled.items():
        words = "" if pool == 1 else f", pooled by {pool}"
        kinds[f"float16{words}"] = Kind(features.half().float(), features.numel() * 2e-6)
        kinds[f"8 bits{words}"] = Kind(round_features(features), pack(features).nbytes / 1e6)
    return kinds


def read_cold(place: Path, features: Tensor, many: int) -> Reading:
    """Write a store of many windows, and read it from the disk, window by window and whole."""
    random = np.random.default_rng(0)
    window = features[0].numpy().astype(np.float16)
    stored = np.stack([np.roll(window, n, axis=0) for n in range(many)])
    kept.write_array(place / "features", stored)
    del stored
    (path,) = place.iterdir()
    order = random.permutation(many)
    is_cold = evict(path)
    by_window = timed(lambda: read_windows(path, order)) / many
    warm = timed(lambda: read_windows(path, order)) / many
    evict(path)
    verified.forget()
    whole = timed(lambda: open_whole(place)) / many
    return Reading(by_window, whole, warm, is_cold)


def evict(path: Path) -> bool | None:
    """Put a file out of the system's cache; tell whether its first bytes have left, None where that cannot be asked."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        try:
            os.preadv(stream.fileno(), [bytearray(4096)], path.stat().st_size // 2, os.RWF_NOWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return None
    return False


def read_windows(path: Path, order: NDArray[np.int_]) -> None:
    """Read windows as training does: from the mapped file, to float32."""
    stored = np.load(path, mmap_mode="r")
    for number in order:
        torch.from_numpy(np.asarray(stored[number], dtype=np.float32))


def open_whole(place: Path) -> None:
    if kept.find_array(place / "features") is None:
        raise RuntimeError("the store is not whole")


def tell_effects(kinds: Mapping[str, Kind], whole: Kind, outputs: Mapping[str, Tensor], usual: Tensor) -> str:
    """Say how far features and translations are from those of float32, and what they take."""
    scale = float(usual.max() - usual.min())
    parts = [
        f"{name} {kind.megabytes:.3f} MB, features {apart(name, kind, whole)}, translation {rms(outputs[name] - usual) / scale:.1e} "
        f"(at most {float((outputs[name] - usual).abs().max()) / scale:.1e})"
        for name, kind in kinds.items()
    ]
    return (
        f"stores: one window at float32 takes {whole.megabytes:.3f} MB. By kind, root mean square of the difference from float32, of the "
        f"features' own and of the translation's range: {'; '.join(parts)}. SAM and the generator have random weights; a network that is "
        "trained with pooled features learns by them"
    )


def apart(name: str, kind: Kind, whole: Kind) -> str:
    if "pooled" in name:
        return "of another grid"
    return f"{rms(kind.features - whole.features) / rms(whole.features):.1e}"


def tell_reading(kind: Kind, reading: Reading, step: float) -> str:
    state = {
        True: "which the system then did not hold",
        None: "of which the system does not tell whether it holds it",
        False: "which the system still held in part",
    }
    return (
        f"stores: a window of {kind.megabytes:.2f} MB from a file that was put out of the cache, {state[reading.is_cold]}: "
        f"{1e3 * reading.by_window:.2f} ms in any order ({kind.megabytes / reading.by_window:.0f} MB/s), {1e3 * reading.whole:.2f} ms when "
        f"the file is opened and hashed, {1e3 * reading.warm:.2f} ms from the cache; the network's forward pass takes {1e3 * step:.0f} ms on "
        f"this processor. A card's training at {H200_WINDOWS} windows a second, an estimate, would read {H200_WINDOWS * kind.megabytes / 1e3:.1f} GB/s"
    )


def best(work: Callable[[], object], rounds: int = 3) -> float:
    return min(timed(work) for _ in range(rounds))


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def rms(values: Tensor) -> float:
    return float(values.double().square().mean().sqrt())


def rounded(value: float) -> float:
    return float(f"{value:.3g}")


if __name__ == "__main__":
    run_alone(main)
