"""Measure how many bad pairs are found: `python tools/check_pairs.py ATLAS_FOLDER result.json`.

The folder is one that `transmodal atlas` wrote. In each subject in turn one target is moved, turned or
replaced by another subject's, and the subject is judged among the others, which are left as they are. Then
right pairs and pairs shifted by 8 mm are judged in images that are made poorer in several ways.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the field's name for it)
from numpy.typing import NDArray

from transmodal.cohorts.quality.misalignment import Misalignment
from transmodal.cohorts.quality.pairs import check_pairs, find_doubtful, measure_pairs
from transmodal.parallel import spread
from transmodal.volumes import Volume, io
from transmodal.volumes.geometry import itk
from transmodal.volumes.geometry.registration import register
from transmodal.volumes.geometry.reorient import reorient

PAIRS = (("t1", "ct"), ("t1", "fa"), ("t2", "flair"))
WORDS = ("off_mm", "gain", "likeness")
SHIFTS_MM, TURNS_DEGREES = (1, 2, 8, 12, 20), (5, 10)
Subjects = Mapping[str, Mapping[str, Volume]]


def moved(volume: Volume, shift_mm: NDArray[Any], turn: NDArray[Any]) -> Volume:
    """Return the content shifted in RAS+ mm and turned about the volume's middle by a vector in radians."""
    middle = volume.grid.world((np.array(volume.grid.shape) - 1) / 2)
    angle = float(np.linalg.norm(turn))
    map_ = sitk.VersorRigid3DTransform()
    map_.SetCenter((itk.LPS @ middle).tolist())
    map_.SetRotation((turn / angle).tolist() if angle else [0.0, 0.0, 1.0], angle)
    map_.SetTranslation((itk.LPS @ shift_mm).tolist())
    return itk.warp(volume, volume.grid, map_, fill=float(volume.voxels.min()))


def planted(name: str, pair: tuple[str, str], subjects: Subjects) -> Iterator[tuple[str, Volume]]:
    """Yield kinds of bad targets for one subject, on its own grid."""
    source, target = (subjects[name][what] for what in pair)
    draw = np.random.default_rng([2024, *name.encode(), *pair[1].encode()])
    for kind, sizes in (("shift {} mm", SHIFTS_MM), ("turn {} degrees", np.deg2rad(TURNS_DEGREES))):
        for size in sizes:
            way = draw.normal(size=3)
            way *= size / np.linalg.norm(way)
            still = np.zeros(3)
            if kind.startswith("shift"):
                yield kind.format(size), moved(target, way, still)
            else:
                yield kind.format(round(np.rad2deg(size))), moved(target, still, way)
    others = [other for other in subjects if other != name]
    stranger = subjects[others[draw.integers(len(others))]][pair[1]]
    fill = float(stranger.voxels.min())
    yield "another patient, as the headers lie", itk.warp(stranger, source.grid, sitk.Transform(), fill=fill)
    laid = register(source, stranger, kind="rigid", metric="mutual_information", spacing_mm=4.0)
    yield "another patient, registered", laid.warp(stranger, fill=fill)


def measure(job: tuple[Path, tuple[str, str]]) -> dict[str, Any]:
    """Return what was found of each kind in one pair of contrasts, and the figures behind it."""
    folder, pair = job
    subjects = read(folder, pair)
    right = {name: measure_pairs({what: own[what] for what in pair}) for name, own in subjects.items()}
    usual = check_pairs(right)
    found: dict[str, list[bool]] = {}
    figures: dict[str, list[Misalignment]] = {"right": [one.misalignment for one in usual]}
    for name in subjects:
        for kind, target in planted(name, pair, subjects):
            bad = {**right, name: measure_pairs({pair[0]: subjects[name][pair[0]], pair[1]: target})}
            found.setdefault(kind, []).append(any(one.case == name for one in find_doubtful(bad)))
            figures.setdefault(kind, []).extend(
                one.misalignment for one in check_pairs(bad) if one.case == name
            )
    return {
        "subjects": len(subjects),
        "false_alarms": len(find_doubtful(right)),
        "found": {kind: sum(flags) for kind, flags in found.items()},
        "figures": {
            kind: {
                word: [round(float(value), 3) for value in np.quantile(values, (0, 0.5, 1))]
                for word, values in zip(WORDS, np.array([one[: len(WORDS)] for one in rows]).T, strict=True)
            }
            for kind, rows in figures.items()
        },
    }


def read(folder: Path, pair: tuple[str, str]) -> dict[str, dict[str, Volume]]:
    """Read two contrasts of every subject, in the closest RAS orientation."""
    return {
        case.name: {what: reorient(io.read(case / f"{what}.nii.gz")) for what in pair}
        for case in sorted(folder.iterdir())
        if case.is_dir()
    }


def measure_poor(job: tuple[Path, tuple[str, str]]) -> dict[str, Any]:
    """Return how many right pairs are named, and how many of 8 mm, in poor images of the first subjects."""
    folder, pair = job
    subjects = dict(list(read(folder, pair).items())[:POOR_SUBJECTS])
    found: dict[str, Any] = {}
    for kind, spoil in POOR.items():
        own = {name: {what: spoil(volume) for what, volume in one.items()} for name, one in subjects.items()}
        right = {name: measure_pairs(one) for name, one in own.items()}
        named = 0
        for name, one in own.items():
            way = np.random.default_rng([8, *name.encode()]).normal(size=2)
            shift = np.array([*way, 0]) * 8 / np.linalg.norm(way)
            shifted = spoil(moved(subjects[name][pair[1]], shift, np.zeros(3)))
            bad = {**right, name: measure_pairs({pair[0]: one[pair[0]], pair[1]: shifted})}
            named += any(doubt.case == name for doubt in find_doubtful(bad))
        found[kind] = {"subjects": len(own), "false_alarms": len(find_doubtful(right)), "shift 8 mm": named}
    return found


def _thick(volume: Volume) -> Volume:
    n = volume.voxels.shape[2] // 3
    slices = volume.voxels[:, :, : 3 * n].astype(np.float32).reshape(*volume.voxels.shape[:2], n, 3)
    return Volume(slices.mean(axis=3), volume.affine @ _step(3, 1))


def _slab(volume: Volume, n: int = 10) -> Volume:
    first = volume.voxels.shape[2] // 2
    return Volume(volume.voxels[:, :, first : first + n], volume.affine @ _step(1, first))


def _single(volume: Volume) -> Volume:
    return _slab(volume, 1)


def _noisy(volume: Volume) -> Volume:
    voxels = volume.voxels.astype(np.float32)
    low, high = np.percentile(voxels, (1, 99))
    seed = [
        int(value) for value in np.abs(voxels[::7, ::7, ::7].ravel())
    ]  # of its own, not the other contrast's
    noise = np.random.default_rng(seed).normal(size=voxels.shape) * 0.1 * (high - low)
    return volume.with_voxels((voxels + noise).astype(np.float32))


def _cropped(volume: Volume) -> Volume:
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ (20, 25, 20)
    return Volume(volume.voxels[20:-20, 25:-25, 20:-20], affine)


def _step(times: int, first: float) -> NDArray[np.float64]:
    """Return the affine of taking slices `times` as thick, from `first` on."""
    step = np.diag([1.0, 1.0, times, 1.0])
    step[2, 3] = first
    return step


POOR_SUBJECTS = 10
POOR: dict[str, Callable[[Volume], Volume]] = {
    "slices of 6 mm": _thick,
    "slabs of 20 mm": _slab,
    "single slices": _single,
    "noise of a tenth of the range": _noisy,
    "cropped by 40 to 50 mm on each side": _cropped,
}


def main(folder: Path, result: Path) -> None:
    """Measure every pair and write the figures."""
    jobs = {" to ".join(pair): (folder, pair) for pair in PAIRS}
    figures = {
        "bad pairs": dict(sorted(spread(measure, jobs, len(jobs)))),
        "poor images": dict(sorted(spread(measure_poor, jobs, len(jobs)))),
    }
    result.parent.mkdir(parents=True, exist_ok=True)
    result.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
