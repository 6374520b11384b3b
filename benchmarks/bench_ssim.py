"""SSIM beside scikit-image: one process, one thread, interleaved rounds, one JSON line.

Run it as `python benchmarks/bench_ssim.py`, or with `--smoke` for a few seconds. It fails where the two
disagree by more than 1e-6; ratios are only reported, since they move with the machine's load.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import skimage
from numpy.typing import NDArray
from scipy import ndimage
from skimage.metrics import structural_similarity
from turns import milliseconds, print_line, ratio_of, read_words, run_alone, take_turns

from transmodal.metrics.suite.ssim import slice_ssim, ssim

AGREEMENT = 1e-6
GOALS = {"2d": 2.0, "slices": 2.0, "3d": 4.0}
SETTINGS = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
Image = NDArray[np.float64]


class Contest(NamedTuple):
    """One computation, ours and theirs."""

    name: str
    ours: Callable[[], float]
    theirs: Callable[[], float]
    gflop: float


def main() -> int:
    smoke = read_words(__doc__).smoke
    rounds = 2 if smoke else 9
    line: dict[str, Any] = {
        "benchmark": "ssim",
        "peer": f"scikit-image {skimage.__version__}",
        "threads": 1,
        "clock": "processor time",
        "rounds": rounds,
        "smoke": smoke,
        "goal": GOALS,
    }
    for key in ("ratio", "spread", "ours_ms", "limits"):
        line[key] = {}
    agreement = 0.0
    for contest in contests(smoke=smoke):
        agreement = max(agreement, abs(contest.ours() - contest.theirs()))
        seconds = take_turns({"ours": contest.ours, "theirs": contest.theirs}, rounds)
        line["ratio"][contest.name], line["spread"][contest.name] = ratio_of(
            seconds["ours"], seconds["theirs"]
        )
        line["ours_ms"][contest.name] = milliseconds(seconds["ours"])
        line["limits"][contest.name] = {"gflop": contest.gflop, "dtype": "float64"}
    print_line({**line, "agreement": agreement})
    return 0 if agreement <= AGREEMENT else 1


def contests(*, smoke: bool) -> list[Contest]:
    flat, deep = ((96, 96), (32, 32, 32)) if smoke else ((256, 256), (96, 96, 96))
    x, y = pair(flat)
    a, b = pair(deep)
    n = deep[2]
    return [
        Contest(
            "2d",
            lambda: ssim(x, y, data_range=1.0),
            lambda: float(structural_similarity(x, y, **SETTINGS)),
            filter_gflop(flat, (0, 1)),
        ),
        Contest(
            "slices",
            lambda: slice_ssim(a, b, axis=2, data_range=1.0).mean,
            lambda: float(
                np.mean([structural_similarity(a[:, :, k], b[:, :, k], **SETTINGS) for k in range(n)])
            ),
            filter_gflop(deep, (0, 1)),
        ),
        Contest(
            "3d",
            lambda: ssim(a, b, data_range=1.0),
            lambda: float(structural_similarity(a, b, **SETTINGS)),
            filter_gflop(deep, (0, 1, 2)),
        ),
    ]


def filter_gflop(shape: tuple[int, ...], axes: tuple[int, ...], taps: int = 11, rows: int = 16) -> float:
    """Return the work of the banded products: four moments, 26 products and sums for each voxel and axis that is filtered."""
    sizes, voxels = list(shape), 0.0
    for axis in reversed(axes):
        sizes[axis] -= min(taps - 1, sizes[axis] - 1)
        voxels += float(np.prod(sizes))
    return float(f"{1e-9 * 4 * 2 * (rows + taps - 1) * voxels:.3g}")


def pair(shape: tuple[int, ...]) -> tuple[Image, Image]:
    """Return a smooth image in [0, 1] with a flat background, and a noisy copy."""
    rng = np.random.default_rng(2024)
    smooth = ndimage.gaussian_filter(rng.normal(size=shape), 3)
    reference = np.clip(smooth / np.abs(smooth).max() + 0.2, 0, 1)
    return reference, np.clip(reference + 0.05 * rng.normal(size=shape), 0, 1)


if __name__ == "__main__":
    run_alone(main)
