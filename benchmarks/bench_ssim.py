"""SSIM beside scikit-image: one process, one thread, interleaved rounds, one JSON line.

Run it as `python benchmarks/bench_ssim.py`, or with `--smoke` for a few seconds. It fails where the two
disagree by more than 1e-6; ratios are only reported, since they move with the machine's load.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import skimage
from numpy.typing import NDArray
from scipy import ndimage
from skimage.metrics import structural_similarity

from transmodal.metrics.suite.ssim import slice_ssim, ssim

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
AGREEMENT = 1e-6
GOALS = {"2d": 2.0, "slices": 2.0, "3d": 3.0}
SETTINGS = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
Image = NDArray[np.float64]


class Contest(NamedTuple):
    """One computation, ours and theirs."""

    name: str
    ours: Callable[[], float]
    theirs: Callable[[], float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="small images and few rounds")
    smoke = parser.parse_args().smoke
    rounds = 2 if smoke else 9
    results = {contest.name: measure(contest, rounds) for contest in contests(smoke=smoke)}
    agreement = max(result["difference"] for result in results.values())
    line = {
        "benchmark": "ssim",
        "peer": f"scikit-image {skimage.__version__}",
        "threads": 1,
        "rounds": rounds,
        "smoke": smoke,
        "ratio": {name: result["ratio"] for name, result in results.items()},
        "ratio_by_min": {name: result["ratio_by_min"] for name, result in results.items()},
        "ours_ms": {name: result["ours_ms"] for name, result in results.items()},
        "goal": GOALS,
        "agreement": agreement,
    }
    print(json.dumps(line))
    return 0 if agreement <= AGREEMENT else 1


def contests(*, smoke: bool) -> list[Contest]:
    flat, deep = ((96, 96), (32, 32, 32)) if smoke else ((256, 256), (96, 96, 96))
    x, y = pair(flat)
    a, b = pair(deep)
    n = deep[2]
    return [
        Contest(
            "2d", lambda: ssim(x, y, data_range=1.0), lambda: float(structural_similarity(x, y, **SETTINGS))
        ),
        Contest(
            "slices",
            lambda: slice_ssim(a, b, axis=2, data_range=1.0).mean,
            lambda: float(
                np.mean([structural_similarity(a[:, :, k], b[:, :, k], **SETTINGS) for k in range(n)])
            ),
        ),
        Contest(
            "3d", lambda: ssim(a, b, data_range=1.0), lambda: float(structural_similarity(a, b, **SETTINGS))
        ),
    ]


def measure(contest: Contest, rounds: int) -> dict[str, Any]:
    """Take turns, after one turn each to warm up; repeat short computations within a turn."""
    difference = abs(contest.ours() - contest.theirs())
    repeats = max(1, round(0.05 / max(seconds(contest.theirs, 1), 1e-6)))
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(seconds(contest.ours, repeats))
        theirs.append(seconds(contest.theirs, repeats))
    return {
        "ratio": round(statistics.median(t / o for o, t in zip(ours, theirs, strict=True)), 2),
        "ratio_by_min": round(min(theirs) / min(ours), 2),
        "ours_ms": round(1e3 * min(ours), 3),
        "difference": difference,
    }


def seconds(work: Callable[[], float], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - start) / repeats


def pair(shape: tuple[int, ...]) -> tuple[Image, Image]:
    """Return a smooth image in [0, 1] with a flat background, and a noisy copy."""
    rng = np.random.default_rng(2024)
    smooth = ndimage.gaussian_filter(rng.normal(size=shape), 3)
    reference = np.clip(smooth / np.abs(smooth).max() + 0.2, 0, 1)
    return reference, np.clip(reference + 0.05 * rng.normal(size=shape), 0, 1)


def on_one_thread() -> bool:
    """Tell whether BLAS was started with one thread; it reads these names once, when numpy is imported."""
    return all(os.environ.get(name) == "1" for name in THREADS)


if __name__ == "__main__":
    if on_one_thread():
        sys.exit(main())
    alone = {**os.environ, **dict.fromkeys(THREADS, "1")}
    sys.exit(subprocess.run([sys.executable, *sys.argv], env=alone, check=False).returncode)
