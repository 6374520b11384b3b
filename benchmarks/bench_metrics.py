"""SSIM, MS-SSIM, 3D SSIM, PSNR and MAE beside MONAI, torchmetrics, pytorch-msssim and scikit-image; one JSON line.

One process, one thread, interleaved rounds, on the same arrays: ours takes float64 as in evaluations, peers that are
written in torch are timed in float32, as they are used, and compared in float64. It fails where a peer of our definition disagrees by more than 1e-6;
torchmetrics averages a mirrored border too, which is another definition, and is timed only. Peers that are not
installed are left out by name. Run it as `python benchmarks/bench_metrics.py`, or with `--smoke` for a few seconds.
`bench_ssim.py` has scikit-image's SSIM.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from bench_ssim import filter_gflop, pair
from numpy.typing import NDArray
from turns import has, milliseconds, print_line, ratio_of, read_words, run_alone, take_turns, version_of

from transmodal.metrics.gaussian import gaussian
from transmodal.metrics.suite.ms_ssim import WEIGHTS, ms_ssim, slice_ms_ssim
from transmodal.metrics.suite.ssim import ssim
from transmodal.metrics.suite.voxels import mae, psnr

AGREEMENT = 1e-6
PACKAGES = {
    "MONAI": "monai",
    "torchmetrics": "torchmetrics",
    "pytorch-msssim": "pytorch_msssim",
    "scikit-image": "skimage",
}
GOALS = {
    "MS-SSIM, pytorch-msssim": 2.0,
    "MS-SSIM, torchmetrics": 2.0,
    "MS-SSIM of slices, pytorch-msssim": 2.0,
    "SSIM, MONAI": 4.0,
    "SSIM in 3D, MONAI": 30.0,
}
# Wang's weights add up to 1.0001; ours are divided by their sum, and pytorch-msssim takes the same here.
SHARES = [weight / sum(WEIGHTS) for weight in WEIGHTS]
NOTES = [
    "Metrics: PSNR and MAE are one pass over memory, in float64 and in blocks that the cache holds; a value that is not finite "
    "shows in the sum. MONAI takes float32 as it is. A volume takes half a millisecond, SSIM of it twenty."
]
Image = NDArray[np.float64]
Score = Callable[[], float]
Peer = Callable[[Any, Any], float]


class Contest(NamedTuple):
    """One figure, by us and by peers; `variants` are of another definition."""

    name: str
    ours: Score
    images: tuple[Any, Any]
    peers: dict[str, Peer]
    variants: dict[str, Peer]
    limit: dict[str, Any]


def main() -> int:
    smoke = read_words(__doc__).smoke
    torch.set_num_threads(1)
    rounds = 2 if smoke else 9
    line: dict[str, Any] = {
        "benchmark": "metrics",
        "peer": ", ".join(filter(None, map(version_of, PACKAGES))),
        "threads": 1,
        "clock": "processor time",
        "rounds": rounds,
        "smoke": smoke,
        "left_out": [name for name, module in PACKAGES.items() if not has(module)],
        "goal": GOALS,
        "notes": NOTES,
    }
    for key in ("ratio", "spread", "ours_ms", "limits", "difference"):
        line[key] = {}
    agreement = 0.0
    for contest in contests(smoke=smoke):
        measure(contest, rounds, line)
        value = contest.ours()
        differences = {name: abs(value - score()) for name, score in scores(contest, torch.float64).items()}
        line["difference"] |= {
            f"{contest.name}, {name}": float(f"{d:.1e}") for name, d in differences.items()
        }
        agreement = max([agreement, *(differences[name] for name in contest.peers)])
    line["agreement"] = agreement
    print_line(line)
    return 0 if agreement <= AGREEMENT else 1


def measure(contest: Contest, rounds: int, line: dict[str, Any]) -> None:
    """Time a contest and add its figures to the line."""
    rivals = scores(contest, torch.float32)
    seconds = take_turns({"ours": contest.ours, **rivals}, rounds)
    for name in rivals:
        key = f"{contest.name}, {name}"
        line["ratio"][key], line["spread"][key] = ratio_of(seconds["ours"], seconds[name])
        line["ours_ms"][key] = milliseconds(seconds["ours"])
        line["limits"][key] = contest.limit


def scores(contest: Contest, dtype: torch.dtype) -> dict[str, Score]:
    """Bind the peers to the images, those in torch to a precision."""
    x, y = (image.to(dtype) if isinstance(image, torch.Tensor) else image for image in contest.images)
    rivals = {**contest.peers, **contest.variants}
    return {name: (lambda peer=peer: peer(x, y)) for name, peer in rivals.items()}


def contests(*, smoke: bool) -> Iterator[Contest]:
    plane, deep = ((176, 176), (32, 32, 32)) if smoke else ((256, 256), (96, 96, 96))
    x, y = pair(plane)
    a, b = pair((*plane, 4 if smoke else 16))
    u, v = pair(deep)
    yield ssim_contest("SSIM", x, y)
    yield ssim_contest("SSIM in 3D", u, v)
    yield multi_scale("MS-SSIM", x, y)
    yield multi_scale("MS-SSIM of slices", a, b)
    yield from voxel_contests(u, v)


def ssim_contest(name: str, x: Image, y: Image) -> Contest:
    """SSIM by the interior, as MONAI has it."""
    p, q = as_tensor(x), as_tensor(y)
    peers: dict[str, Peer] = {}
    variants: dict[str, Peer] = {}
    if has("monai"):
        from monai.metrics import SSIMMetric

        metric = SSIMMetric(x.ndim, data_range=1.0)
        peers["MONAI"] = lambda p, q: float(metric(p, q).mean())
    if has("torchmetrics") and x.ndim == 2:  # a volume takes it seconds
        from torchmetrics.functional.image import structural_similarity_index_measure

        variants["torchmetrics"] = lambda p, q: float(
            structural_similarity_index_measure(p, q, data_range=1.0)
        )
    if has("pytorch_msssim") and x.ndim == 2:
        from pytorch_msssim import ssim as theirs

        peers["pytorch-msssim"] = lambda p, q: float(theirs(p, q, data_range=1.0, win=window_as(p)))
    gflop = filter_gflop(x.shape, tuple(range(x.ndim)))
    limit = {"gflop": gflop, "dtype": "float64"}
    return Contest(name, lambda: ssim(x, y, data_range=1.0), (p, q), peers, variants, limit)


def multi_scale(name: str, x: Image, y: Image) -> Contest:
    """MS-SSIM of an image, or of all slices along the last axis, which torch takes as a batch."""
    stack = (
        (lambda image: image.transpose(2, 0, 1)[:, None])
        if x.ndim == 3
        else (lambda image: image[None, None])
    )
    p, q = (torch.from_numpy(np.ascontiguousarray(stack(image), np.float32)) for image in (x, y))
    peers: dict[str, Peer] = {}
    variants: dict[str, Peer] = {}
    if has("pytorch_msssim"):
        from pytorch_msssim import ms_ssim as theirs

        peers["pytorch-msssim"] = lambda p, q: float(
            theirs(p, q, data_range=1.0, win=window_as(p), weights=SHARES)
        )
    if has("torchmetrics") and x.ndim == 2:
        from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

        variants["torchmetrics"] = lambda p, q: float(
            multiscale_structural_similarity_index_measure(p, q, data_range=1.0)
        )
    if x.ndim == 3:
        ours: Score = lambda: slice_ms_ssim(x, y, axis=2, data_range=1.0).mean  # noqa: E731
    else:
        ours = lambda: ms_ssim(x, y, data_range=1.0)  # noqa: E731
    sizes = [tuple(-(-n // 2**level) for n in x.shape[:2]) + x.shape[2:] for level in range(5)]
    gflop = round(sum(filter_gflop(size, (0, 1)) for size in sizes), 4)
    return Contest(name, ours, (p, q), peers, variants, {"gflop": gflop, "dtype": "float64"})


def voxel_contests(x: Image, y: Image) -> Iterator[Contest]:
    """PSNR and MAE: nothing but passes over memory."""
    limit = {"mb": round(2e-6 * x.nbytes, 2)}
    if has("skimage"):
        from skimage.metrics import peak_signal_noise_ratio

        theirs: Peer = lambda p, q: float(peak_signal_noise_ratio(p, q, data_range=1.0))  # noqa: E731
        yield Contest("PSNR", lambda: psnr(x, y, data_range=1.0), (x, y), {"scikit-image": theirs}, {}, limit)
    if has("monai"):
        from monai.metrics import MAEMetric, PSNRMetric

        images = as_tensor(x), as_tensor(y)
        decibels, difference = PSNRMetric(1.0), MAEMetric()
        peers: dict[str, Peer] = {"MONAI": lambda p, q: float(decibels(p, q).mean())}
        # It adds up in the precision of its input at best: a millionth of 25 dB is 3e-5.
        yield Contest("PSNR", lambda: psnr(x, y, data_range=1.0), images, {}, peers, limit)
        peers = {"MONAI": lambda p, q: float(difference(p, q).mean())}
        yield Contest("MAE", lambda: mae(x, y), images, peers, {}, limit)


def window_as(image: torch.Tensor) -> torch.Tensor:
    """Return the window in an image's precision: pytorch-msssim's own is of float32 whatever the image, and off by 1e-6."""
    return torch.from_numpy(gaussian(11).copy()).to(image)[None, None, None]


def as_tensor(image: Image) -> torch.Tensor:
    return torch.from_numpy(image.astype(np.float32))[None, None]


if __name__ == "__main__":
    run_alone(main)
