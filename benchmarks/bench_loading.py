"""Loading slices: the prepared store beside nibabel per-slice reads of .nii.gz; interleaved, one JSON line.

Both sides cut and resize each slice by the same code; only where the voxels come from differs. The page cache is
warm on both sides. Run it as `python benchmarks/bench_loading.py`, or with `--smoke` for a few seconds. It
fails where the two sides give different slices.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from turns import milliseconds, print_line, ratio_of, read_words, run_alone

from transmodal.cohorts.layouts.folders import find
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.volumes.windows.cut import Cutting, Window, cut

GOAL = 100.0
AXIS = 2
Load = Callable[[int, int], NDArray[Any]]


def main() -> int:
    smoke = read_words(__doc__).smoke
    shape, side, rounds, reads = ((40, 48, 36), 48, 2, 4) if smoke else ((200, 240, 200), 256, 5, 12)
    with tempfile.TemporaryDirectory() as place:
        raw, cohort = make(Path(place), shape)
        loaders = {
            "stored": from_store(cohort, Cutting("slice", size=(side, side), fit="keep")),
            "whole": from_nifti(raw, Cutting("slice", size=(side, side), fit="keep"), whole=True),
            "sliced": from_nifti(raw, Cutting("slice", size=(side, side), fit="keep"), whole=False),
        }
        equal = all(
            np.array_equal(loaders["stored"](0, k), loaders[name](0, k))
            for name in loaders
            for k in (1, shape[2] - 2)
        )
        times = measure(loaders, rounds, reads, shape[2])
    ratios = {
        "get_fdata": ratio_of(times["stored"], times["whole"]),
        "dataobj": ratio_of(times["stored"], times["sliced"]),
    }
    voxels, pixels = shape[0] * shape[1], side * side
    ours = milliseconds(times["stored"])
    line = {
        "benchmark": "loading",
        "peer": f"nibabel {nib.__version__}, .nii.gz, per slice",
        "threads": 1,
        "rounds": rounds,
        "smoke": smoke,
        "shape": list(shape),
        "ratio": {name: ratio for name, (ratio, _) in ratios.items()},
        "spread": {name: spread for name, (_, spread) in ratios.items()},
        "ours_ms": dict.fromkeys(ratios, ours),
        "ms_per_slice": {
            "ours": ours,
            "get_fdata": milliseconds(times["whole"]),
            "dataobj": milliseconds(times["sliced"]),
        },
        # Reading the slice's two bytes per voxel, and writing the resized float32.
        "limits": {name: {"mb": round(1e-6 * (2 * voxels + 4 * pixels), 3)} for name in ratios},
        "goal": {"get_fdata": GOAL},
        "reasons": {
            "get_fdata": "the ratio is that of decompressing a volume to resizing a slice, and moves with the two libraries"
        },
        "equal": equal,
    }
    print_line(line)
    return 0 if equal else 1


def make(place: Path, shape: tuple[int, int, int]) -> tuple[list[Path], Cohort]:
    """Write three phantoms as .nii.gz and prepare them."""
    rng = np.random.default_rng(2024)
    paths = []
    for n in range(3):
        smooth = ndimage.zoom(rng.random(tuple(s // 8 + 1 for s in shape)), 8, order=1)
        field = smooth[: shape[0], : shape[1], : shape[2]]
        voxels = np.rint(1000 * field + 30 * rng.random(shape)).astype(np.int16)
        folder = place / "raw" / f"case-{n}"
        folder.mkdir(parents=True)
        image = nib.Nifti1Image(voxels, np.eye(4))
        image.set_qform(np.eye(4), 1)
        image.set_sform(np.eye(4), 1)
        nib.save(image, folder / "t1.nii.gz")
        paths.append(folder / "t1.nii.gz")
    return paths, prepare(find(place / "raw").cases, place / "cohort", PrepareOptions(counts=(3, 0, 0)))


def from_store(cohort: Cohort, cutting: Cutting) -> Load:
    cases = cohort.cases()
    volumes = [case.volume("t1").voxels for case in cases]  # memory-mapped: opening reads no voxel

    def load(case: int, k: int) -> NDArray[Any]:
        return cut(volumes[case], Window(AXIS, (0, 0, k)), cutting, fill=0.0)

    return load


def from_nifti(paths: list[Path], cutting: Cutting, *, whole: bool) -> Load:
    """Read a slice as training scripts do: all of the file by `get_fdata`, or through `dataobj`."""

    def load(case: int, k: int) -> NDArray[Any]:
        image = nib.load(paths[case])
        plane = image.get_fdata()[..., k] if whole else np.asarray(image.dataobj[..., k])
        return cut(plane[..., None].astype(np.float32), Window(AXIS, (0, 0, 0)), cutting, fill=0.0)

    return load


def measure(loaders: dict[str, Load], rounds: int, reads: int, n: int) -> dict[str, list[float]]:
    """Take turns: each loader reads the same random slices, the quick one more of them."""
    rng = np.random.default_rng(7)
    times: dict[str, list[float]] = {name: [] for name in loaders}
    for _ in range(rounds):
        places = [(int(rng.integers(3)), int(rng.integers(n))) for _ in range(reads)]
        for name, load in loaders.items():
            repeats = 20 if name == "stored" else 1
            start = time.perf_counter()
            for _ in range(repeats):
                for case, k in places:
                    load(case, k)
            times[name].append((time.perf_counter() - start) / (repeats * reads))
    return times


if __name__ == "__main__":
    run_alone(main)
