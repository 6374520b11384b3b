"""Training windows: our loader beside MONAI's CacheDataset and torchio's Queue; interleaved, one JSON line.

All sides give pairs of slices across the third axis, clipped, mapped to [-1, 1] and mirrored half of the time. Beside MONAI
they are resized to 256 x 256 too, and it is held to the same values; torchio's patches keep the volume's sides. MONAI
caches what is deterministic, torchio reads its volumes as it goes, 64 patches from each; ours maps the prepared cohort.
Run it as `python benchmarks/bench_windows.py`, or with `--smoke` for a few seconds. It fails where a slice differs from
MONAI's, or where the memory grows with the number of cases. A peer that is not installed is left out.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import torch
from turns import has, milliseconds, print_line, ratio_of, read_words, run_alone, version_of

from transmodal.cohorts.layouts.folders import find
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.data.dataset import WindowDataset
from transmodal.data.loader import Epoch, Loader, Share
from transmodal.data.stream import Stream, StreamCase
from transmodal.recipes.training_schema import Augment
from transmodal.volumes.intensity import IntensitySpec, fit
from transmodal.volumes.windows.cut import Cutting

if TYPE_CHECKING:
    import torchio
    from monai.data import CacheDataset

GOALS = {"MONAI": 20.0, "torchio": 3.0}
NAMES, LOW, HIGH = ("t1", "t2"), 100.0, 1800.0
PER_VOLUME = 64
TOLERANCE = 2e-5
MOST_GROWTH = 20.0
Round = Callable[[], float]
"""Reads windows and returns how long each took, s."""


def main() -> int:
    smoke = read_words(__doc__).smoke
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    shape, side, rounds, n_monai = ((40, 48, 36), 64, 2, 4) if smoke else ((200, 240, 200), 256, 5, 24)
    with tempfile.TemporaryDirectory() as place:
        raw, cohort = make(Path(place), shape)
        stream = stream_of(cohort, Cutting("slice", size=(side, side), fit="ignore"))
        times, difference = {}, 0.0
        if has("monai"):
            peer = cache(raw, side)
            difference = compare(stream, peer, shape[2])
            sides = {"ours": windows_of(stream, 4 * n_monai), "peer": items_of(peer, n_monai)}
            times["MONAI CacheDataset"] = interleave(sides, rounds)
        plain = replace(stream, cutting=Cutting("slice", size=shape[:2]))
        for workers in () if not has("torchio") else (1,) if smoke else (1, 2, 4):
            with closing(Loader(WindowDataset(plain), Share(workers=workers))) as loader:
                queue = queue_of(raw, (*shape[:2], 1), workers)
                sides = {"ours": epoch_of(loader), "peer": epoch_of_queue(queue)}
                times[f"torchio Queue, {workers} workers"] = interleave(sides, 1 + rounds // 2)
        growth = grow(stream, 20 if smoke else 180)
    ratios = {name: ratio_of(sides["ours"], sides["peer"]) for name, sides in times.items()}
    print_line(
        {
            "benchmark": "windows",
            "peer": "; ".join(version for name in ("monai", "torchio") if (version := version_of(name))),
            "smoke": smoke,
            "rounds": rounds,
            "ratio": {name: middle for name, (middle, _) in ratios.items()},
            "spread": {name: spread for name, (_, spread) in ratios.items()},
            "goal": {name: GOALS[name.split()[0]] for name in times},
            "ours_ms": {name: milliseconds(sides["ours"]) for name, sides in times.items()},
            "notes": [
                "A window is a pair of slices, 200 x 240 beside torchio, resized to 256 x 256 beside MONAI; times are by "
                "the clock, since workers are processes of their own.",
                f"Memory of our own that 180 cases take beyond 18: {growth} MB.",
            ],
            "max_difference": difference,
        }
    )
    return 0 if difference < TOLERANCE and growth < MOST_GROWTH else 1


def make(place: Path, shape: tuple[int, int, int]) -> tuple[list[dict[str, str]], Cohort]:
    """Write three pairs of phantoms as .nii.gz and prepare them."""
    rng = np.random.default_rng(2024)
    pairs = []
    for n in range(3):
        coarse = torch.from_numpy(rng.random((1, 1, 8, 8, 8), dtype=np.float32))
        field = torch.nn.functional.interpolate(coarse, shape, mode="trilinear")[0, 0].numpy()
        folder = place / "raw" / f"case-{n}"
        folder.mkdir(parents=True)
        for k, name in enumerate(NAMES):
            voxels = np.rint(1000 * (1 + k) * field + 30 * rng.random(shape)).astype(np.int16)
            image = nib.Nifti1Image(voxels, np.eye(4))
            image.set_qform(np.eye(4), 1)
            image.set_sform(np.eye(4), 1)
            nib.save(image, folder / f"{name}.nii.gz")
        pairs.append({name: str(folder / f"{name}.nii.gz") for name in NAMES})
    return pairs, prepare(find(place / "raw").cases, place / "cohort", PrepareOptions(counts=(3, 0, 0)))


def stream_of(cohort: Cohort, cutting: Cutting) -> Stream:
    intensity = fit(IntensitySpec("window", LOW, HIGH), np.zeros(1))
    return Stream(
        cases=tuple(StreamCase(case, (intensity,), intensity) for case in cohort.cases("train")),
        sources=NAMES[:1],
        target=NAMES[1],
        spacing_mm=None,
        region="whole",
        cutting=cutting,
        axes=(2,),
        augment=Augment(flip_lr=True),
    )


def cache(raw: Sequence[dict[str, str]], side: int) -> CacheDataset:
    from monai import transforms as mt
    from monai.data import CacheDataset

    steps = [
        mt.LoadImaged(NAMES),
        mt.EnsureChannelFirstd(NAMES),
        mt.ScaleIntensityRanged(NAMES, LOW, HIGH, -1.0, 1.0, clip=True),
        mt.RandSpatialCropd(NAMES, (-1, -1, 1), random_size=False),
        mt.SqueezeDimd(NAMES, dim=-1),
        mt.Resized(NAMES, (side, side), mode="bilinear"),
        mt.RandFlipd(NAMES, prob=0.5, spatial_axis=0),
    ]
    return CacheDataset(list(raw), mt.Compose(steps), cache_rate=1.0, num_workers=0, progress=False)


def compare(stream: Stream, peer: CacheDataset, n: int) -> float:
    """Return the largest difference between our slice and MONAI's of the same place, none mirrored."""
    from monai.transforms import Resize

    dataset = WindowDataset(replace(stream, augment=Augment()))
    cached = peer._cache[0]
    resize = Resize(peer[0][NAMES[0]].shape[1:], mode="bilinear")
    k = n // 3
    ours = dataset[k, 0]
    theirs = [resize(cached[name][..., k]) for name in NAMES]
    pairs = zip((ours.source, ours.target), theirs, strict=True)
    return max(float((window - torch.as_tensor(image)).abs().max()) for window, image in pairs)


def windows_of(stream: Stream, n: int) -> Round:
    dataset, rng = WindowDataset(stream), np.random.default_rng(7)

    def read() -> float:
        keys = [(int(rng.integers(len(dataset))), seed) for seed in range(n)]
        return timed(lambda: [dataset[key] for key in keys], n)

    read()
    return read


def items_of(peer: CacheDataset, n: int) -> Round:
    return lambda: timed(lambda: [peer[index % len(peer)] for index in range(n)], n)


def epoch_of(loader: Loader) -> Round:
    """Read a whole epoch of as many windows as torchio's, in batches of 4."""
    number = iter(range(1 << 30))

    def read() -> float:
        epoch = Epoch(1, "train", next(number), 4, steps=3 * PER_VOLUME // 4)
        return timed(lambda: list(loader.batches(epoch)), 3 * PER_VOLUME)

    read()
    return read


def queue_of(raw: Sequence[dict[str, str]], patch: tuple[int, ...], workers: int) -> torchio.Queue:
    import torchio

    steps = torchio.Compose(
        [
            torchio.Clamp(LOW, HIGH),
            torchio.RescaleIntensity((-1, 1), in_min_max=(LOW, HIGH)),
            torchio.RandomFlip(axes=0, flip_probability=0.5),
        ]
    )
    subjects = [
        torchio.Subject({name: torchio.ScalarImage(path) for name, path in pair.items()}) for pair in raw
    ]
    return torchio.Queue(
        torchio.SubjectsDataset(subjects, transform=steps),
        max_length=3 * PER_VOLUME,
        samples_per_volume=PER_VOLUME,
        sampler=torchio.data.UniformSampler(patch),
        num_workers=workers,
    )


def epoch_of_queue(queue: torchio.Queue) -> Round:
    from torchio import SubjectsLoader

    def read() -> float:
        batches = SubjectsLoader(queue, batch_size=4, num_workers=0)
        return timed(lambda: [(b[NAMES[0]]["data"], b[NAMES[1]]["data"]) for b in batches], 3 * PER_VOLUME)

    return read


def grow(stream: Stream, most: int) -> float:
    """Return how much more memory of its own a dataset holds that has read a tenth of the cases, and all, MB."""
    many = replace(stream, cases=tuple(stream.cases[n % 3] for n in range(most)))
    dataset = WindowDataset(many)
    sizes = []
    spans = dataset.spans()
    for number, span in enumerate(spans):
        dataset[span[len(span) // 2], 1]
        if number + 1 in (most // 10, most):
            sizes.append(own_memory())
    return round(max(0.0, sizes[-1] - sizes[0]), 1)


def own_memory() -> float:
    """Return the memory of this process that no file backs, MB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def interleave(sides: dict[str, Round], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, read in sides.items():
            times[name].append(read())
    return times


def timed(work: Callable[[], Any], n: int) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) / n


if __name__ == "__main__":
    run_alone(main)
