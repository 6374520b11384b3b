"""Preparing SynthRAD-sized cases: `prepare` beside the machine's copy-and-decompress and a per-slice script.

What decompresses and writes an image and no more is the limit: `prepare` also checks, orients, hashes, finds a
region, fits intensities, and reads back what it wrote. The script is what people have: nibabel, one .npy per
slice, no check. All three read the same files and write uncompressed arrays; rounds take turns. One JSON line.
Run it as `python benchmarks/bench_prepare.py [--cases 180]`, or with `--smoke` for a few seconds. It fails where
the prepared voxels are not those of the files.
"""

from __future__ import annotations

import gzip
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage
from turns import milliseconds, print_line, ratio_of, read_words

from transmodal.cohorts.layouts.synthrad import find
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort

GOAL = 0.25
WORKERS = 2
SUFFIX = ".nii.gz"
Job = tuple[Path, Path]


def main() -> int:
    options = read_words(
        __doc__,
        ("--cases", {"type": int, "default": 0, "help": "how many; 12, or 4 in a smoke run"}),
        ("--rounds", {"type": int, "default": 0, "help": "how often each way is timed; 3, or 2"}),
        ("--raw", {"type": Path, "help": "cases that were made before, or where to keep them"}),
    )
    shape, cases, rounds = ((48, 56, 40), 4, 2) if options.smoke else ((200, 240, 200), 12, 3)
    cases = (
        len(list(options.raw.iterdir())) if options.raw and options.raw.exists() else options.cases or cases
    )
    rounds = options.rounds or (2 if cases > 24 else rounds)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        raw = options.raw or place / "brain"
        if not raw.exists():
            make(raw, shape, cases)
        ways: dict[str, Callable[[Path], None]] = {
            "prepare": lambda to: ours(raw, to),
            "copy": lambda to: spread(decompress, raw, to),
            "slices": lambda to: spread(per_slice, raw, to),
        }
        seconds = measure(ways, place / "out", rounds)
        ours(raw, place / "cohort")
        equal = is_same(place / "cohort", raw)
        size = sum(path.stat().st_size for path in raw.rglob(f"*{SUFFIX}"))
    best = {way: min(times) for way, times in seconds.items()}
    ratios = {peer: ratio_of(seconds["prepare"], seconds[peer]) for peer in ("copy", "slices")}
    line = {
        "benchmark": "prepare",
        "peer": f"gzip {sys.version_info.major}.{sys.version_info.minor} to uncompressed files; nibabel "
        f"{nib.__version__}, one .npy per slice",
        "processes": WORKERS,
        "rounds": rounds,
        "smoke": options.smoke,
        "cases": cases,
        "shape": list(shape),
        "compressed_mib": round(size / 2**20, 1),
        "ratio": {name: ratio for name, (ratio, _) in ratios.items()},
        "spread": {name: spread for name, (_, spread) in ratios.items()},
        "ours_ms": dict.fromkeys(ratios, milliseconds(seconds["prepare"])),
        "s_per_case": {way: round(value / cases, 3) for way, value in best.items()},
        "goal": {"copy": GOAL},
        "notes": [
            "Prepare: decompressing and writing (`copy`) is the limit itself; prepare also checks, orients, hashes, finds a "
            "region, fits intensities and reads back, so that its goal is a quarter of that speed."
        ],
        "equal": equal,
    }
    print_line(line)
    return 0 if equal else 1


def make(folder: Path, shape: tuple[int, int, int], cases: int) -> None:
    """Write cases that compress as heads do: smooth tissue with noise in an ellipsoid, air around it."""
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("fork")) as pool:
        list(pool.map(make_one, repeat(folder), repeat(shape), range(1, cases + 1)))


def make_one(folder: Path, shape: tuple[int, int, int], number: int) -> None:
    """Write one case."""
    rng = np.random.default_rng(number)  # everyone's own: copies of one head would be refused
    radii = rng.uniform(0.75, 0.95, 3)
    i, j, k = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in shape)]
    lumps = ndimage.zoom(
        rng.standard_normal((16, 16, 16), np.float32), [n / 16 for n in shape[:2]] + [1], order=1
    )
    mr, ct = (np.zeros(shape, np.int16, order="F") for _ in range(2))
    mask = np.zeros(shape, np.uint8, order="F")
    for plane, at in enumerate(np.linspace(0, 15, shape[2])):  # plane by plane: it stays in the cache
        inside = (i[:, :, 0] / radii[0]) ** 2 + (j[:, :, 0] / radii[1]) ** 2 + (
            k[0, 0, plane] / radii[2]
        ) ** 2 < 1
        below = min(int(at), 14)
        smooth = lumps[..., below] + (at - below) * (lumps[..., below + 1] - lumps[..., below])
        noise = rng.standard_normal((2, *shape[:2]), np.float32)
        mr[:, :, plane] = np.where(inside, 500 + 150 * smooth + 12 * noise[0], 0).clip(0)
        ct[:, :, plane] = np.where(inside, 40 + 60 * smooth + 15 * noise[1], -1000)
        mask[:, :, plane] = inside
    place = folder / f"1BA{number:03d}"
    place.mkdir(parents=True)
    for modality, voxels in (("mr", mr), ("ct", ct), ("mask", mask)):
        nib.save(nib.Nifti1Image(voxels, np.eye(4)), place / f"{modality}{SUFFIX}")


def ours(raw: Path, to: Path) -> None:
    """Prepare as `transmodal prepare synthrad` does."""
    prepare(find(raw).cases, to, PrepareOptions(), workers=WORKERS)


def decompress(job: Job) -> None:
    """Decompress one case's files and write what they hold."""
    source, to = job
    to.mkdir(parents=True)
    for path in sorted(source.glob(f"*{SUFFIX}")):
        (to / path.name.removesuffix(".gz")).write_bytes(gzip.decompress(path.read_bytes()))


def per_slice(job: Job) -> None:
    """Write one .npy per axial slice, as scripts do."""
    source, to = job
    to.mkdir(parents=True)
    for path in sorted(source.glob(f"*{SUFFIX}")):
        voxels = np.asarray(nib.load(path).dataobj)  # type: ignore[attr-defined]
        for k in range(voxels.shape[2]):
            np.save(to / f"{path.name.removesuffix(SUFFIX)}_{k:03d}.npy", voxels[:, :, k])


def spread(work: Callable[[Job], None], raw: Path, to: Path) -> None:
    """Work on all cases with as many processes as `prepare` has."""
    jobs = [(case, to / case.name) for case in sorted(raw.iterdir())]
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("fork")) as pool:
        list(pool.map(work, jobs))


def measure(ways: dict[str, Callable[[Path], None]], to: Path, rounds: int) -> dict[str, list[float]]:
    """Time each way in turn, into a fresh folder each time; every other round runs backwards."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        # What is written first takes memory that the system has to find; the next reuses it.
        for name, way in list(ways.items())[:: -1 if number % 2 else 1]:
            start = time.perf_counter()
            way(to)
            seconds[name].append(time.perf_counter() - start)
            shutil.rmtree(to)
    return seconds


def is_same(cohort: Path, raw: Path) -> bool:
    """Tell whether the prepared voxels are those of the files, which lie in RAS."""
    everyone: Sequence[str] = sorted(path.name for path in raw.iterdir())
    prepared = {case.id: case for case in Cohort.open(cohort).cases()}
    return (
        sorted(prepared) == list(everyone)
        and all(
            np.array_equal(
                prepared[name].volume(modality).voxels,
                np.asarray(nib.load(raw / name / f"{modality}{SUFFIX}").dataobj),  # type: ignore[attr-defined]
            )
            for name in everyone[:2]
            for modality in ("mr", "ct")
        )
    )


if __name__ == "__main__":
    sys.exit(main())
