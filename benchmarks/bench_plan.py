"""`transmodal plan` beside the trainings that it tells of: six recipes, time, memory and disk; a JSON line each, and one of all.

Virtual subjects are made, and the recipes shortened to some tens of steps of coarser slices. In each round a recipe is planned
and trained by, each in a process of its own; a ratio is the mean over the rounds of the estimate to what the training took. Time is
processor time on one thread from the call of `train` to its end, so that other processes of the machine do not show; memory
is the most that the process held; disk is the run's folder. It fails where a ratio lies outside of 0.7 to 1.3.
Run it as `python benchmarks/bench_plan.py`, or with `--smoke` for one recipe of few steps.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench_memory import most_resident
from turns import THREADS, print_line, read_words

TOLERANCE = 0.3
RECIPES = (
    "t1-to-fa-small",
    "t1-to-fa-pix2pix-small",
    "t1-to-fa-macro2micro-small",
    "t1-t2-to-pd-agi-net-small",
    "mr-to-ct-mrnet-small",
    "t1-to-t2-resvit-small",
)
CHANGES = {
    "data.spacing_mm": 3.0,
    "training.epochs": 2,
    "training.samples_per_epoch": 80,
    "training.device": "cpu",
}
SECONDS = 2.0
"""For which a plan times steps."""
UNITS = {"time": 1.0, "memory": float(1 << 20), "disk": 1e6}
ALONE = {**os.environ, **dict.fromkeys(THREADS, "1")}


def main() -> int:
    words = read_words(
        __doc__,
        ("--work", {"help": "train or plan, here"}),
        ("--recipe", {"help": "that is worked by"}),
        ("--cohort", {"type": Path, "help": "a prepared cohort instead of virtual subjects"}),
        ("--rounds", {"type": int, "default": 1, "help": "of each recipe"}),
    )
    if words.work:
        work = {"train": train, "plan": plan}[words.work]
        print(json.dumps(work(words.recipe, words.cohort, smoke=words.smoke)))
        return 0
    recipes = RECIPES[:1] if words.smoke else RECIPES
    with tempfile.TemporaryDirectory() as place:
        cohort = words.cohort or prepare(Path(place), recipes, smoke=words.smoke)
        lines = [measure(recipe, cohort, words.rounds, smoke=words.smoke) for recipe in recipes]
    ratios = {f"{line['recipe']}, {kind}": line["ratio"][kind] for kind in UNITS for line in lines}
    print_line(
        {
            "benchmark": "plan",
            "peer": "what the training took",
            "smoke": words.smoke,
            "threads": 1,
            "clock": "processor time",
            "ratio": ratios,
            "spread": {f"{line['recipe']}, {kind}": line["spread"][kind] for kind in UNITS for line in lines},
            "notes": [
                "Plan: the ratio is the estimate of `transmodal plan` to what the training took, of six shortened recipes on "
                "virtual subjects; the file fails where one lies outside of 0.7 to 1.3."
            ],
        }
    )
    is_near = all(abs(ratio - 1) <= TOLERANCE for ratio in ratios.values())
    return 0 if is_near or words.smoke else 1  # a training of a few steps is mostly its start


def prepare(place: Path, recipes: Sequence[str], *, smoke: bool) -> Path:
    """Make virtual subjects, and prepare them for the recipes."""
    spacing = 6 if smoke else 2
    regions = [word for recipe in recipes for word in ("--for", recipe)]
    for call in (
        f"atlas -o {place}/subjects --subjects 6 --modalities t1,fa,t2,ct,pd --spacing-mm {spacing} --workers 1",
        f"prepare folders {place}/subjects -o {place}/cohort --counts 3:2:1 --workers 1",
    ):
        more = regions if call.startswith("prepare") else []
        subprocess.run(
            [sys.executable, "-m", "transmodal", *call.split(), *more],
            capture_output=True,
            check=True,
            env=ALONE,
        )
    return place / "cohort"


def measure(recipe: str, cohort: Path, n_rounds: int, *, smoke: bool) -> dict[str, Any]:
    """Plan and train in turns; print and return the line."""
    rounds = [
        [alone(kind, recipe, cohort, smoke=smoke) for kind in ("plan", "train")] for _ in range(n_rounds)
    ]
    ratios = {kind: [told[kind] / taken[kind] for told, taken in rounds] for kind in UNITS}
    line = {
        "recipe": recipe,
        "rounds": n_rounds,
        "estimated": {kind: mean([told[kind] / unit for told, _ in rounds]) for kind, unit in UNITS.items()},
        "measured": {kind: mean([taken[kind] / unit for _, taken in rounds]) for kind, unit in UNITS.items()},
        "units": {"time": "s", "memory": "MiB", "disk": "MB"},
        "parts": rounds[-1][0]["parts"],
        "ratio": {kind: mean(several) for kind, several in ratios.items()},
        "spread": {
            kind: [round(min(several), 3), round(max(several), 3)] for kind, several in ratios.items()
        },
    }
    print_line(line)
    return line


def mean(numbers: Sequence[float]) -> float:
    return round(sum(numbers) / len(numbers), 3)


def alone(kind: str, recipe: str, cohort: Path, *, smoke: bool) -> dict[str, Any]:
    """Do one piece of work in a process of its own."""
    command = [sys.executable, __file__, "--work", kind, "--recipe", recipe, "--cohort", str(cohort)]
    process = subprocess.run(
        [*command, *(["--smoke"] if smoke else [])], capture_output=True, text=True, env=ALONE
    )
    if process.returncode:
        raise SystemExit(process.stderr)
    content: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return content


def changes(*, smoke: bool) -> dict[str, object]:
    return {**CHANGES, **({"training.samples_per_epoch": 32} if smoke else {})}


def train(recipe: str, cohort: Path, *, smoke: bool) -> dict[str, float]:
    """Train, and return processor seconds, the most bytes held, and the bytes of the run's folder."""
    import transmodal

    importlib.import_module("transmodal.training.train")  # importing torch is none of the training's time
    with tempfile.TemporaryDirectory() as place:
        began = time.process_time()
        transmodal.train(recipe, cohort, Path(place) / "run", changes=changes(smoke=smoke))
        seconds = time.process_time() - began
        files = [path.stat().st_size for path in Path(place).rglob("*") if path.is_file()]
    return {"time": seconds, "memory": most_resident(), "disk": sum(files)}


def plan(recipe: str, cohort: Path, *, smoke: bool) -> dict[str, Any]:
    """Plan, and return the same figures as they are told, and the parts of the time."""
    from transmodal.cohorts.store import Cohort
    from transmodal.commands._recipe_words import resolve
    from transmodal.training.forecast.forecast import forecast

    resolved = resolve(recipe, changes(smoke=smoke), {})
    seconds = 0.2 if smoke else SECONDS
    told = forecast(resolved, Cohort.open(cohort), seconds=seconds, clock=time.process_time).to_json()
    return {
        "time": told["time"]["seconds"],
        "memory": told["memory"]["peak"],
        "disk": told["disk"]["run"],
        "parts": told["time"]["parts"],
    }


if __name__ == "__main__":
    sys.exit(main())
