"""Cost per case at 10, 100 and 1,000 cases, beside itself: opening a cohort, and writing an evaluation's tables and report.

Four tiny cases are prepared and evaluated; their entries, rows and regions are repeated under other names. A ratio is the
cost per case at a hundred cases to that at a thousand: 1 is flat, less is growth. One JSON line, processor time. It fails
where a report of a thousand cases takes more than 5 MB. Run it as `python benchmarks/bench_scale.py`, or with `--smoke`.
"""

from __future__ import annotations

import contextlib
import hashlib
import io as streams
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from turns import milliseconds, print_line, ratio_of, read_words, run_alone, take_turns

from transmodal import cli
from transmodal.cohorts.manifest import Manifest, read_manifest
from transmodal.cohorts.manifest_index import write_manifest
from transmodal.cohorts.store import Cohort
from transmodal.evaluation.report.write import write
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.run import evaluate
from transmodal.storage import files, sealed
from transmodal.volumes import Volume, io

OPENING_MS = 100.0
LARGEST_MB = 5.0
FLAT = 0.9
RECIPE = """
name: scale
translator: unet_regression
task: {source: [t1], target: fa}
windows: {kind: slice, axes: [z]}
settings: {width: 4, levels: 2}
training: {epochs: 1, batch: 1, samples_per_epoch: 1, device: cpu}
"""


def main() -> int:
    smoke = read_words(__doc__).smoke
    torch.set_num_threads(1)
    sizes, many, rounds = ((4, 8, 16), 32, 1) if smoke else ((10, 100, 1000), 10_000, 3)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        evaluation = make(place)
        manifest = read_manifest(place / "cohort" / "cohort.json")
        for n in (*sizes, many):
            write_cohort(manifest, n, place / f"cohort-{n}")
        opening = measure(lambda n: Cohort.open(place / f"cohort-{n}"), (*sizes, many), rounds)
        asking = measure(lambda n: Cohort.open(place / f"cohort-{n}").cases(), (many,), rounds)
        evaluations = {n: repeat(evaluation, n) for n in sizes}
        writing = measure(lambda n: write(evaluations[n], place / f"evaluation-{n}"), sizes, rounds)
        report = place / f"evaluation-{sizes[-1]}" / "report.html"
        size = report.stat().st_size / 1e6
    print_line(
        describe(opening, asking, writing, sizes)
        | {"rounds": rounds, "smoke": smoke, "report_mb": round(size, 2)}
    )
    return 0 if size <= LARGEST_MB else 1


def describe(
    opening: Mapping[int, list[float]],
    asking: Mapping[int, list[float]],
    writing: Mapping[int, list[float]],
    sizes: tuple[int, ...],
) -> dict[str, Any]:
    """Return the line: costs per case at two sizes, and the whole cost of opening many cases beside its goal."""
    (_, first, last), (many,) = sizes, asking
    opened = f"open a cohort, {many:,} cases"
    names = (opened, "open a cohort", "write tables and report", f"{opened}, and decode each")
    costs = {
        names[0]: (OPENING_MS / (1e3 * min(opening[many])), None, opening[many]),
        names[3]: (OPENING_MS / (1e3 * min(asking[many])), None, asking[many]),
        names[1]: (*ratio_of(per_case(opening, last), per_case(opening, first)), opening[last]),
        names[2]: (*ratio_of(per_case(writing, last), per_case(writing, first)), writing[last]),
    }
    return {
        "benchmark": "scale",
        "peer": f"itself: {first} cases to {last:,}, per case",
        "threads": 1,
        "clock": "processor time",
        "ratio": {name: float(f"{ratio:.3g}") for name, (ratio, _, _) in costs.items()},
        "spread": {name: spread for name, (_, spread, _) in costs.items() if spread},
        "ours_ms": {name: milliseconds(seconds) for name, (_, _, seconds) in costs.items()},
        "goal": {names[0]: 1.0, names[1]: FLAT, names[2]: FLAT},
        "reasons": {
            names[
                0
            ]: "all of the manifest, 28 MB at 10,000 cases, is read and hashed, and all names and images are "
            "compared for leaks",
            names[
                1
            ]: "a manifest is hashed whole, and a file of a kilobyte takes as many calls as one of megabytes",
        },
        "notes": [
            f"Scale: the ratios for {many:,} cases are {OPENING_MS:g} ms to the time that opening them took. A case is "
            "decoded when it is first asked for; training asks for each of its own."
        ],
    }


def measure(work: Callable[[int], object], sizes: tuple[int, ...], rounds: int) -> dict[int, list[float]]:
    seconds = take_turns({str(n): lambda n=n: work(n) for n in sizes}, rounds)
    return {int(n): times for n, times in seconds.items()}


def per_case(seconds: Mapping[int, list[float]], n: int) -> list[float]:
    return [value / n for value in seconds[n]]


def make(place: Path) -> Evaluation:
    """Prepare six tiny subjects, train a step, and evaluate the four of the test split."""
    draw = np.random.default_rng(0)
    for n in range(6):
        folder = place / "subjects" / f"case-{n}"
        folder.mkdir(parents=True)
        t1 = 100 + 100 * draw.random((24, 24, 16), dtype=np.float32)
        io.write(Volume(t1, np.eye(4)), folder / "t1.nii.gz")
        io.write(Volume((t1 / 400).astype(np.float32), np.eye(4)), folder / "fa.nii.gz")
    (place / "recipe.yaml").write_text(RECIPE)
    for call in (
        f"prepare folders {place}/subjects -o {place}/cohort --counts 1:1:4 --workers 1 --copies warn",
        f"train {place}/recipe.yaml --cohort {place}/cohort -o {place}/run",
    ):
        with contextlib.redirect_stdout(streams.StringIO()), contextlib.redirect_stderr(streams.StringIO()):
            status = cli.run(call.split())
        if status:
            raise SystemExit(f"transmodal {call} ended with {status}")
    return evaluate({"unet": place / "run"}, place / "cohort")


def write_cohort(manifest: Manifest, n: int, folder: Path) -> None:
    """Write a cohort of many cases without arrays, which opening does not read; every case's images are its own."""
    first = manifest.cases[0]
    cases = []
    for k in range(n):
        volumes = {
            name: volume.model_copy(update={"sha256": digest(k, name), "content_sha256": digest(k, name, 1)})
            for name, volume in first.volumes.items()
        }
        names = {"id": f"case-{k:05d}", "patient": f"patient-{k:05d}", "fingerprint": digest(k)}
        origins = {
            name: volume.model_copy(
                update={
                    "origin": volume.origin
                    and volume.origin.model_copy(update={"sha256": digest(k, name, 2)})
                }
            )
            for name, volume in volumes.items()
        }
        cases.append(first.model_copy(update={**names, "volumes": origins}))
    folder.mkdir()
    write_manifest(folder, manifest.model_copy(update={"cases": tuple(cases)}))
    ids = [case.id for case in cases]
    split = {"seed": 1, "by": "patient", "how": "", "train": ids[2:], "validation": ids[:1], "test": ids[1:2]}
    files.write_json(folder / "split.json", sealed.seal(split))


def repeat(evaluation: Evaluation, n: int) -> Evaluation:
    """Return an evaluation of many cases: the same figures, a little moved, under other names."""
    draw = np.random.default_rng(n)
    cases = [(f"case-{k:05d}", evaluation.cases[k % len(evaluation.cases)]) for k in range(n)]
    rows = [
        row._replace(
            case=name, patient=name, value=None if row.value is None else row.value * draw.uniform(0.9, 1.1)
        )
        for name, old in cases
        for row in evaluation.rows
        if row.case == old
    ]
    regions = [
        row._replace(case=name) for name, old in cases for row in evaluation.regions if row.case == old
    ]
    return replace(
        evaluation,
        rows=tuple(rows),
        regions=tuple(regions),
        slices_excluded={name: evaluation.slices_excluded[old] for name, old in cases},
        targets={name: evaluation.targets[old] for name, old in cases},
        seconds={
            participant: {name: took[old] for name, old in cases}
            for participant, took in evaluation.seconds.items()
        },
    )


def digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


if __name__ == "__main__":
    run_alone(main)
