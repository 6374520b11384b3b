"""Plant copies among virtual subjects, look for them, and write docs/results/checks/near-duplicates.json and its page.

    python tools/check_duplicates.py --workers 2

The thresholds of `cohorts.quality.image_similarity` were fixed on the seed 71 (60 subjects); the seeds below were not looked at before.
`--subjects` keeps the subjects of the large set between runs: an .npz, made where it is not there.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from transmodal.cohorts.quality import image_similarity
from transmodal.cohorts.quality.duplicates import find_near_duplicates
from transmodal.cohorts.simulation import atlas
from transmodal.parallel import spread
from transmodal.storage import files
from transmodal.volumes import Volume, io
from transmodal.volumes.geometry.reorient import crop, reorient, resample, working_grid

RESULT = Path(__file__).parents[1] / "docs" / "results" / "checks" / "near-duplicates.json"
PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "splits.md"
BEGIN, END = "<!-- copies:begin -->", "<!-- copies:end -->"
SETS = {"4 mm": (72, 500, 4.0, 15, 60), "2 mm": (73, 20, 2.0, 0, 20)}
"""Seed, subjects, spacing, copies of every single kind, copies of all kinds at once."""
CALIBRATED = 71

Generator = np.random.Generator


def renamed(volume: Volume, _: Generator) -> Volume:
    """Leave the image as it is."""
    return volume


def reoriented(volume: Volume, rng: Generator) -> Volume:
    """Store other axes first, some of them backwards."""
    letters = np.array(["RL", "AP", "SI"])[rng.permutation(3)]
    return reorient(volume, "".join(pair[rng.integers(2)] for pair in letters))


def recompressed(volume: Volume, _: Generator) -> Volume:
    """Go through 256 grey levels and another file format."""
    values = volume.voxels.astype(float).clip(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.mha"
        io.write(Volume(np.rint(values / values.max() * 255).astype(np.uint8), volume.affine), path)
        return io.read(path)


def cropped(volume: Volume, rng: Generator) -> Volume:
    """Cut up to 15 % off every side."""
    n = np.array(volume.grid.shape)
    low, high = (n * rng.uniform(0, 0.15, 3)).astype(int), n - (n * rng.uniform(0, 0.15, 3)).astype(int)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return crop(volume, (i, j, k))


def respaced(volume: Volume, rng: Generator) -> Volume:
    """Resample to 0.75 to 1.35 of the spacing, each axis its own."""
    x, y, z = np.array(working_grid(volume.grid, None).spacing) * rng.uniform(0.75, 1.35, 3)
    return resample(volume, working_grid(volume.grid, (float(x), float(y), float(z))))


def noised(volume: Volume, rng: Generator) -> Volume:
    """Add Rician noise of 1 to 5 % of the brightest voxels, where there is an image."""
    voxels = volume.voxels.astype(np.float32)
    level = np.percentile(voxels, 99) * rng.uniform(0.01, 0.05)
    real, imaginary = rng.normal(0, level, (2, *voxels.shape))
    stripped = (voxels == 0).mean() > 0.3
    noisy = np.hypot(voxels + real, imaginary)
    return Volume(np.where(stripped & (voxels == 0), 0, noisy).astype(np.float32), volume.affine)


def moved(volume: Volume, rng: Generator) -> Volume:
    """Lose the origin: up to 15 mm along each axis."""
    affine = volume.affine.copy()
    affine[:3, 3] += rng.uniform(-15, 15, 3)
    return Volume(volume.voxels, affine)


KINDS: dict[str, Callable[[Volume, Generator], Volume]] = {
    one.__name__: one for one in (renamed, reoriented, recompressed, cropped, respaced, noised)
}


def all_at_once(volume: Volume, rng: Generator) -> Volume:
    """Do all of it, and lose the origin."""
    for change in (noised, respaced, cropped, recompressed, reoriented, moved):
        volume = change(volume, rng)
    return volume


def main() -> None:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--subjects", type=Path, help=".npz of the large set")
    parser.add_argument(
        "--set", choices=[*SETS], action="append", help="only this one; the others' figures stay"
    )
    words = parser.parse_args()
    chosen = words.set or list(SETS)
    made = {
        name: {
            "commit": _commit(),
            **_measured(*SETS[name], words.workers, words.subjects if name == "4 mm" else None),
        }
        for name in chosen
    }
    before = files.read_json(RESULT)["sets"] if RESULT.exists() else {}
    content = {
        "thresholds": {
            "spectrum": image_similarity.MIN_SPECTRAL,
            "correlation": image_similarity.MIN_CORRELATION,
            "apart_mm": image_similarity.MAX_APART_MM,
            "fixed_on_seed": CALIBRATED,
        },
        "sets": {name: one for name, one in {**before, **made}.items() if name in SETS},
    }
    files.write_json(RESULT, content)
    PAGE.write_text(with_section(PAGE.read_text(encoding="utf-8"), content), encoding="utf-8")


def with_section(text: str, content: Mapping[str, Any]) -> str:
    """Return the page with the figures between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise SystemExit(f"no {BEGIN} and {END}")
    lines = [
        f"The thresholds were fixed on subjects of seed {content['thresholds']['fixed_on_seed']} of the atlas cohort, "
        "whose subjects are warps of one brain, and then tried on others (T1; `tools/check_duplicates.py`, figures in "
        "`docs/results/checks/near-duplicates.json`):",
        "",
        "| subjects | copies planted | found | pairs compared | false alarms | weakest copy | most alike siblings |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, one in sorted(content["sets"].items(), reverse=True):
        weak, alike = one["copies"], one["siblings"]
        lines.append(
            f"| {one['subjects']} at {name}, seed {one['seed']} | {one['planted']} | {one['found']} | "
            f"{one['pairs_compared']} | {one['false_pairs']} | {weak['smallest_correlation']:.2f}, "
            f"{weak['largest_apart_mm']:.1f} mm | {alike['largest_correlation']:.2f}, {alike['smallest_apart_mm']:.1f} mm |"
        )
    lines.append("")
    for name, one in sorted(content["sets"].items(), reverse=True):
        kinds = ", ".join(f"{kind}: {count}" for kind, count in one["found_by_kind"].items())
        lines.append(
            f"- {name}, commit {one['commit']}: {kinds}. {one['cpu_seconds_per_image']:.2f} s of one core for each image, "
            f"{one['cpu_seconds_for_all_pairs']:.0f} s for all pairs."
        )
    return f"{before}{BEGIN}\n{chr(10).join(lines)}\n{END}{after}"


def _measured(
    seed: int, n: int, spacing_mm: float, each: int, together: int, workers: int, cache: Path | None
) -> dict[str, Any]:
    subjects = _subjects(seed, n, spacing_mm, workers, cache)
    copies, kinds = _planted(subjects, each, together, seed)
    began = time.process_time()
    details = {name: image_similarity.detail(volume) for name, volume in {**subjects, **copies}.items()}
    detailed = time.process_time()
    found = find_near_duplicates({name: {"t1": kept} for name, kept in details.items()})
    ended = time.process_time()
    pairs = {frozenset((one.first, one.second)) for one in found}
    planted = {frozenset((name, name.split("~")[0])) for name in copies}
    false = pairs - planted
    wrong = {name.split("~")[0] for pair in false for name in pair}
    hit = {name for name in copies if frozenset((name, name.split("~")[0])) in pairs}
    return {
        "seed": seed,
        "spacing_mm": spacing_mm,
        "subjects": n,
        "planted": len(copies),
        "found": len(hit),
        "found_by_kind": {kind: f"{sum(kinds[c] == kind for c in hit)} of {m}" for kind, m in Counter(kinds.values()).items()},
        "pairs_compared": len(details) * (len(details) - 1) // 2,
        "false_pairs": len(false),
        "subjects_falsely_alarmed": len(wrong),
        **_margins(subjects, copies, details),
        "cpu_seconds_per_image": round((detailed - began) / len(details), 3),
        "cpu_seconds_for_all_pairs": round(ended - detailed, 1),
    }  # fmt: skip


def _planted(
    subjects: Mapping[str, Volume], each: int, together: int, seed: int
) -> tuple[dict[str, Volume], dict[str, str]]:
    """Return copies as `<subject>~copy`, each of another subject, and what was done to them."""
    rng = np.random.default_rng(seed)
    wanted = [(kind, change) for kind, change in KINDS.items() for _ in range(each)]
    wanted += [("all at once, and moved", all_at_once)] * together
    chosen = rng.permutation(sorted(subjects))[: len(wanted)]
    copies = {
        f"{name}~copy": change(subjects[name], rng) for name, (_, change) in zip(chosen, wanted, strict=True)
    }
    return copies, {f"{name}~copy": kind for name, (kind, _) in zip(chosen, wanted, strict=True)}


def _margins(
    subjects: Mapping[str, Volume],
    copies: Mapping[str, Volume],
    details: Mapping[str, image_similarity.Detail | None],
) -> dict[str, Any]:
    """Return how near the thresholds both sides come: the worst copies, and the most alike siblings."""
    kept = {name: one for name, one in details.items() if one is not None}
    spectra = {name: image_similarity.spectrum(one) for name, one in kept.items()}
    own = [(name, name.split("~")[0]) for name in copies]
    names = sorted(subjects)
    rows = np.stack([spectra[name] for name in names])
    i, j = np.triu_indices(len(names), 1)
    agree = (rows @ rows.T)[i, j]
    siblings = [(names[i[one]], names[j[one]]) for one in np.argsort(-agree)[:300]]
    there, here = (
        [(float(spectra[a] @ spectra[b]), *image_similarity.agreement(kept[a], kept[b])) for a, b in pairs]
        for pairs in (own, siblings)
    )
    return {
        "sibling_pairs_looked_at_again": int((agree >= image_similarity.MIN_SPECTRAL).sum()),
        "copies": _ends(there, (min, min, max)),
        "siblings": _ends(here, (max, max, min)),
    }


def _ends(rows: list[tuple[float, ...]], ends: tuple[Callable[[Any], float], ...]) -> dict[str, float]:
    columns = zip(("spectrum", "correlation", "apart_mm"), ends, zip(*rows, strict=True), strict=True)
    return {
        f"{'smallest' if end is min else 'largest'}_{name}": round(end(values), 2)
        for name, end, values in columns
    }


def _subjects(seed: int, n: int, spacing_mm: float, workers: int, cache: Path | None) -> dict[str, Volume]:
    if cache is not None and cache.exists():
        with np.load(cache) as kept:
            return {
                key.split("/")[0]: Volume(kept[key], kept[f"{key}/affine"])
                for key in kept
                if key.endswith("/t1")
            }
    options = atlas.AtlasOptions(spacing_mm=spacing_mm, modalities=("t1",), segmentation=False)
    makers = {one.id: one for one in atlas.subjects(n, options, seed=seed)}
    made = dict(sorted(spread(_made, makers, workers)))
    if cache is not None:
        flat = {f"{name}/t1": one.voxels for name, one in made.items()}
        np.savez(cache, **flat, **{f"{name}/t1/affine": one.affine for name, one in made.items()})
    return made


def _made(subject: atlas.AtlasSubject) -> Volume:
    return subject.load().volumes["t1"]


def _commit() -> str:
    here = Path(__file__).parent
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=here, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


if __name__ == "__main__":
    main()
