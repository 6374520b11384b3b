"""Measure what the gate lets in: `python tools/check_gate.py ATLAS_FOLDER result.json`.

The tables of `docs/concepts/gate.md` are written from the result; `python tools/check_gate.py result.json` only does that.

The folder is one that `transmodal atlas` wrote. Of its subjects the first half stand for six training cohorts, one
of each contrast, of which only the references are fitted: no network is needed. The other half are given to all six:
as they are, as another site or another way of preparation would bring them, and as no run should take them.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the field's name for it)
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.cohorts.quality.finding import OUTCOMES
from transmodal.cohorts.quality.source_check import grid_findings, image_findings
from transmodal.cohorts.quality.training_sources import ModalityReference, build_reference
from transmodal.parallel import spread
from transmodal.volumes import Volume, io
from transmodal.volumes.appearance import measure_appearance
from transmodal.volumes.geometry import itk
from transmodal.volumes.geometry.reorient import crop, reorient, resample, working_grid

PAGE = Path(__file__).parents[1] / "docs" / "concepts" / "gate.md"
BEGIN, END = "<!-- begin measured -->", "<!-- end measured -->"
CONTRASTS = ("t1", "t2", "pd", "flair", "ct", "fa")
IN_UNIT = frozenset({"ct", "fa"})
Spoil = Callable[[Volume, np.random.Generator], Volume]
ABDOMEN: Mapping[str, tuple[float, float, float, float, float, float]] = {
    "t1": (0, 400, 250, 300, 150, 200),
    "t2": (0, 400, 150, 200, 250, 420),
    "pd": (0, 420, 350, 370, 250, 400),
    "flair": (0, 380, 160, 210, 230, 300),
    "ct": (-1000, -100, 50, 70, 350, 35),
    "fa": (0, 0.05, 0.25, 0.1, 0.05, 0.2),
}
"""Air, fat, muscle, liver, spine and kidneys."""


def turned(volume: Volume, draw: np.random.Generator) -> Volume:
    """Turn the content by 15 degrees about a random axis, as a head lies in its coil."""
    axis = draw.normal(size=3)
    turn = sitk.VersorRigid3DTransform()
    turn.SetCenter((itk.LPS @ volume.grid.world((np.array(volume.grid.shape) - 1) / 2)).tolist())
    turn.SetRotation((axis / np.linalg.norm(axis)).tolist(), float(np.deg2rad(15)))
    return itk.warp(volume, volume.grid, turn, fill=float(volume.voxels.min()))


def biased(volume: Volume, draw: np.random.Generator) -> Volume:
    """Multiply by a field that changes by half along one direction."""
    way = draw.normal(size=3)
    steps = [
        np.linspace(-1, 1, n) * part
        for n, part in zip(volume.grid.shape, way / np.linalg.norm(way), strict=True)
    ]
    ramp = steps[0][:, None, None] + steps[1][:, None] + steps[2]
    return volume.with_voxels((volume.voxels * np.exp(0.25 * ramp)).astype(np.float32))


def gained(volume: Volume, draw: np.random.Generator) -> Volume:
    """Multiply by up to ten, or divide."""
    return volume.with_voxels((volume.voxels * 10 ** draw.uniform(-1, 1)).astype(np.float32))


def spaced(mm: float) -> Spoil:
    """Return what resamples to another spacing."""
    return lambda volume, draw: resample(volume, working_grid(volume.grid, mm))


def thick(volume: Volume, draw: np.random.Generator) -> Volume:
    """Resample to slices of 5 mm along a random axis."""
    spacing = [5.0 if axis == draw.integers(3) else 1.5 for axis in range(3)]
    return resample(volume, working_grid(volume.grid, (spacing[0], spacing[1], spacing[2])))


def cropped(volume: Volume, draw: np.random.Generator) -> Volume:
    """Cut 20 to 30 mm off the bottom and 10 mm off every other side."""
    low = [
        round(draw.uniform(20, 30) / mm) if axis == 2 else round(10 / mm)
        for axis, mm in enumerate(volume.spacing)
    ]
    high = [round(10 / mm) for mm in volume.spacing]
    i, j, k = (slice(a, n - b) for a, b, n in zip(low, high, volume.grid.shape, strict=True))
    return crop(volume, (i, j, k))


def stored(volume: Volume, draw: np.random.Generator) -> Volume:
    """Store the axes in another order and direction."""
    return reorient(volume, ("LPS", "PIR", "ASL", "RSP")[int(draw.integers(4))])


def grainy(volume: Volume, draw: np.random.Generator) -> Volume:
    """Add noise of a twentieth of the range."""
    low, high = np.percentile(volume.voxels, (1, 99))
    noise = draw.normal(size=volume.voxels.shape) * 0.05 * (high - low)
    return volume.with_voxels((volume.voxels + noise).astype(np.float32))


def flipped(volume: Volume, draw: np.random.Generator) -> Volume:
    """Reverse the contrast of the whole image."""
    return volume.with_voxels(
        (float(volume.voxels.max()) - volume.voxels + float(volume.voxels.min())).astype(np.float32)
    )


def flipped_inside(volume: Volume, draw: np.random.Generator) -> Volume:
    """Reverse the contrast of what stands out of the background."""
    voxels = volume.voxels.astype(np.float32)
    low, high = np.percentile(voxels, (1, 99.5))
    inside = ndimage.binary_fill_holes(voxels > low + 0.1 * (high - low))
    return volume.with_voxels(
        np.where(inside, high + low - np.clip(voxels, low, high), voxels).astype(np.float32)
    )


def shuffled(volume: Volume, draw: np.random.Generator) -> Volume:
    """Shuffle the voxels."""
    return volume.with_voxels(draw.permutation(volume.voxels.ravel()).reshape(volume.voxels.shape))


def noise(volume: Volume, draw: np.random.Generator) -> Volume:
    """Fill the grid with noise of the image's own mean and deviation."""
    voxels = draw.normal(volume.voxels.mean(), volume.voxels.std(), volume.voxels.shape)
    return volume.with_voxels(voxels.astype(np.float32))


def noisy_head(volume: Volume, draw: np.random.Generator) -> Volume:
    """Fill the head, and nothing else, with noise."""
    voxels = volume.voxels.astype(np.float32)
    low, high = np.percentile(voxels, (1, 99))
    inside = ndimage.binary_fill_holes(voxels > low + 0.1 * (high - low))
    return volume.with_voxels(
        np.where(inside, draw.uniform(low, high, voxels.shape), voxels).astype(np.float32)
    )


def upside_down(volume: Volume, draw: np.random.Generator) -> Volume:
    """Turn top and bottom round, though the header says otherwise."""
    return volume.with_voxels(np.ascontiguousarray(volume.voxels[:, :, ::-1]))


def sideways(volume: Volume, draw: np.random.Generator) -> Volume:
    """Exchange the axes, though the header says otherwise."""
    return Volume(np.ascontiguousarray(np.transpose(volume.voxels, (2, 0, 1))), volume.affine)


RIGHT: Mapping[str, Spoil] = {
    "as it is": lambda volume, draw: volume,
    "turned by 15 degrees": turned,
    "spacing 1 mm": spaced(1.0),
    "spacing 3 mm": spaced(3.0),
    "slices of 5 mm": thick,
    "cropped": cropped,
    "other orientation": stored,
    "noise of a twentieth": grainy,
}
RIGHT_MR: Mapping[str, Spoil] = {"gain": gained, "bias field": biased}
WRONG: Mapping[str, Spoil] = {
    "contrast reversed": flipped,
    "contrast reversed inside": flipped_inside,
    "noise": noise,
    "shuffled": shuffled,
    "noise in a head's shape": noisy_head,
    "upside down": upside_down,
    "axes exchanged": sideways,
}


def abdomen(contrast: str, draw: np.random.Generator) -> Volume:
    """Return a phantom of an abdomen in one contrast: wall, liver, spine and kidneys, 360 x 250 x 240 mm."""
    mm = 3.0
    sides = (120, 84, 80)
    x, y, z = np.meshgrid(*((np.arange(n) - (n - 1) / 2) * mm for n in sides), indexing="ij", sparse=True)
    size = draw.uniform(0.9, 1.1)
    air, fat, muscle, liver, spine, kidney = ABDOMEN[contrast]
    still = np.zeros(sides)

    def ball(at: Sequence[float], radii: Sequence[float]) -> NDArray[np.bool_]:
        terms = (
            ((axis - c * size) / (r * size)) ** 2 for axis, c, r in zip((x, y, z), at, radii, strict=True)
        )
        return np.asarray(sum(terms) + still < 1)

    voxels = np.full(sides, float(air))
    voxels[ball((0, 0, 0), (165, 112, 1e4))] = fat
    voxels[ball((0, 0, 0), (142, 92, 1e4))] = muscle
    voxels[ball((55, 5, 40), (75, 70, 70))] = liver
    voxels[ball((0, -70, 0), (22, 22, 1e4))] = spine
    for side in (-60, 60):
        voxels[ball((side, -40, -30), (25, 25, 50))] = kidney
    level = float(np.ptp(voxels))
    grain = 0.03 * level * draw.normal(size=sides) + 0.05 * level * ndimage.gaussian_filter(
        draw.normal(size=sides), 3
    )
    return Volume(
        (ndimage.gaussian_filter(voxels, 0.6) + grain).astype(np.float32), np.diag([mm, mm, mm, 1.0])
    )


def given(folder: Path, contrast: str) -> Iterator[tuple[str, str, Volume]]:
    """Yield what is given to runs: whether it is right or wrong for a run of its contrast, which kind, the image."""
    volume = reorient(io.read(folder / f"{contrast}.nii.gz"))
    draw = np.random.default_rng([2024, *folder.name.encode(), *contrast.encode()])
    is_mr = contrast not in IN_UNIT
    for kind, spoil in {**RIGHT, **(RIGHT_MR if is_mr else {})}.items():
        yield "right", kind, spoil(volume, draw)
    if is_mr:
        brain = resample(reorient(io.read(folder / "mask.nii.gz")), volume.grid, how="nearest").voxels > 0
        yield "right", "stripped", volume.with_voxels(np.where(brain, volume.voxels, 0))
    for kind, spoil in WRONG.items():
        yield "wrong", kind, spoil(volume, draw)
    yield "wrong", "abdomen", abdomen(contrast, draw)


def look(job: tuple[Path, str]) -> dict[str, Any]:
    """Return the look and grid of a training image."""
    volume = reorient(io.read(job[0] / f"{job[1]}.nii.gz"))
    return {"look": measure_appearance(volume), "grid": volume.grid}


def judge(job: tuple[Path, str, Mapping[str, ModalityReference]]) -> list[tuple[str, str, str, str, str]]:
    """Return run, side, kind, outcome and first reason of everything that a test image gives."""
    folder, contrast, references = job
    rows = []
    for side, kind, volume in given(folder, contrast):
        seen = measure_appearance(volume)
        for run, known in references.items():
            if run != contrast and kind != "as it is":
                continue
            found = grid_findings(known, volume.grid)
            if seen is not None:
                found = [*found, *image_findings(known, seen)]
            outcome = max((one.outcome for one in found), key=OUTCOMES.index, default="pass")
            reason = found[-1].text if found else ""
            rows.append((run, side, kind, "warn" if seen is None else outcome, reason))
    return rows


def measure(folder: Path, workers: int) -> dict[str, Any]:
    """Fit the references, give them everything, and count."""
    subjects = sorted(one for one in folder.iterdir() if one.is_dir())
    half = len(subjects) // 2
    looked = {f"{one.name} {c}": (one, c) for one in subjects[:half] for c in CONTRASTS}
    looks: dict[str, list[dict[str, Any]]] = {contrast: [] for contrast in CONTRASTS}
    for name, seen in sorted(spread(look, looked, workers)):
        looks[name.split()[1]].append(seen)
    references = {
        contrast: build_reference(
            [one["look"] for one in own], [one["grid"] for one in own], in_unit=contrast in IN_UNIT
        )
        for contrast, own in looks.items()
    }
    jobs = {f"{one.name} {c}": (one, c, references) for one in subjects[half:] for c in CONTRASTS}
    pairs = {run: {contrast: Counter[str]() for contrast in CONTRASTS} for run in CONTRASTS}
    right: dict[str, Counter[str]] = {}
    wrong: dict[str, Counter[str]] = {}
    done: dict[str, list[tuple[str, str, str, str, str]]] = {}
    for name, rows in spread(judge, jobs, workers):
        done[name] = rows
        tell(name, rows)
    for name, rows in sorted(done.items()):
        contrast = name.split()[1]
        for run, side, kind, outcome, _ in rows:
            if kind == "as it is":
                pairs[run][contrast][outcome] += 1
            if run == contrast:
                (right if side == "right" else wrong).setdefault(kind, Counter())[outcome] += 1
    return {
        "training subjects": half,
        "test subjects": len(subjects) - half,
        "contrasts": list(CONTRASTS),
        "references": {name: [one.kind, one.contrast] for name, one in references.items()},
        "pairs": pairs,
        "right": right,
        "wrong": wrong,
    }


def tell(name: str, rows: Sequence[tuple[str, str, str, str, str]]) -> None:
    """Print what should not be: right sources that do not pass, and others that do."""
    for run, side, kind, outcome, reason in rows:
        is_right = run == name.split()[1] and side == "right"
        if is_right != (outcome == "pass"):
            print(f"{name} given to {run} ({kind}): {outcome} {reason}", file=sys.stderr, flush=True)


def table(figures: Mapping[str, Any]) -> str:
    """Return the tables of the page."""
    names = [contrast.upper() for contrast in figures["contrasts"]]
    lines = [
        "| Run takes | " + " | ".join(f"given {name}" for name in names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for run, row in figures["pairs"].items():
        cells = (_counted(row[contrast]) for contrast in figures["contrasts"])
        lines.append(f"| {run.upper()} | " + " | ".join(cells) + " |")
    for title, kinds in (
        ("Right sources", figures["right"]),
        ("Sources that no run should take", figures["wrong"]),
    ):
        lines += ["", f"| {title} | pass | warn | refuse |", "|---|---|---|---|"]
        total = Counter[str]()
        for kind, counts in kinds.items():
            total.update(counts)
            lines.append(_row(kind, counts))
        lines.append(_row("**all**", total))
    return "\n".join(lines)


def _row(kind: str, counts: Mapping[str, int]) -> str:
    return f"| {kind} | " + " | ".join(str(counts.get(outcome, 0)) for outcome in OUTCOMES) + " |"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts.get(outcome))


def write_page(figures: Mapping[str, Any]) -> None:
    """Put the tables into the page, between its marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table(figures)}\n{END}{after}", encoding="utf-8")


def main(folder: Path, result: Path, workers: int = 2) -> None:
    """Measure, and write the figures and the page."""
    figures = measure(folder, workers)
    result.parent.mkdir(parents=True, exist_ok=True)
    result.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    write_page(figures)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        write_page(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    else:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
