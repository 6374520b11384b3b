"""Fifty deaths: a process of a command is killed or stopped while it works, and the command names it, with the cause, soon.

What the processes of a verb leave undone is done again, or ends the command by an error; either way a line says why.
"""

from __future__ import annotations

import os
import queue
import random
import re
import shutil
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from phantoms import SmoothPhantom
from promises.forge import Answer, Forge
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.volumes import io

LONGEST_S = 30.0
"""Within which a death has to be named."""
LANES = 6
"""Commands at once: of one whose process was stopped nothing but waiting is left."""
_START_S = 240.0
"""How long a command may take until its processes are at work, on a machine that is busy with others."""
_LAG_S = 1.5
"""The signal comes within so many seconds of the moment in which all processes are there."""
_CAUSES = {
    signal.SIGKILL: re.compile(r"died of SIGKILL|killed by signal: Killed"),
    signal.SIGSTOP: re.compile(r"(had been|was) stopped and did not go on"),
}
_N_CASES = 48
_RECIPE = """\
name: deaths
translator: unet_regression
task: {source: [t1], target: t2}
data: {region: body}
settings: {width: 2, levels: 2}
training: {epochs: 1, batch: 2, samples_per_epoch: 4, device: cpu, processes: 1, workers: 0}
"""
_SUITE = """\
name: deaths
about: two trainings that outlast their deaths
budget: none
cohort: any
metric: mae
seeds: [1, 2]
changes: [training.epochs=500, training.samples_per_epoch=400]
entries:
  plain: {recipe: RECIPE}
"""
_STUDY = """\
name: deaths
recipe: RECIPE
seeds: [1, 2]
changes: [training.epochs=500, training.samples_per_epoch=400]
variants:
  whole: {}
"""
_LONG = "--set training.epochs=500 --set training.samples_per_epoch=400"


class Death(NamedTuple):
    """A signal to a process of a command.

    Attributes:
        place: which processes: of a verb, and of training those that cut windows or those that train.
        signal: SIGKILL or SIGSTOP.
    """

    place: str
    signal: signal.Signals


class Fate(NamedTuple):
    """What a command made of a death.

    Attributes:
        named_s: seconds from the signal to the line that names the cause; None where none does.
        answer: how the command ended.
        said: its last line.
    """

    named_s: float | None
    answer: Answer
    said: str


class Materials:
    """What the commands read, made once."""

    def __init__(self, root: Path, forge: Forge) -> None:
        self._root = root
        cases = [SmoothPhantom(number) for number in range(_N_CASES)]
        for case in cases[:36]:
            folder = root / "images" / case.id
            folder.mkdir(parents=True)
            for modality in ("t1", "t2"):
                io.write(case.load().volumes[modality], folder / f"{modality}.nii.gz")
        options = PrepareOptions(regions={"t1": ("body",)}, counts=(4, 2, _N_CASES - 6))
        prepare(cases, root / "cohort", options)
        for name, text in {"recipe": _RECIPE, "suite": _SUITE, "study": _STUDY}.items():
            (root / f"{name}.yaml").write_text(text.replace("RECIPE", f"{root}/recipe.yaml"))
        words = ["train", f"{root}/recipe.yaml", "--cohort", f"{root}/cohort", "-o", f"{root}/run"]
        answer = forge.run(words, root / "log.txt")
        if answer.status:
            raise RuntimeError((root / "log.txt").read_text())

    def words(self, place: str, output: Path) -> list[str]:
        """Return the command line whose processes are at a place."""
        return [*PLACES[place].replace("ROOT", str(self._root)).split(), "-o", str(output)]


PLACES = {
    "atlas": "atlas --subjects 6 --spacing-mm 6 --workers 2",
    "prepare": "prepare folders ROOT/images --region t1=body --counts 30:3:3 --workers 2",
    "train, cutting": f"train ROOT/recipe.yaml --cohort ROOT/cohort --set training.workers=2 {_LONG}",
    "train, training": f"train ROOT/recipe.yaml --cohort ROOT/cohort --processes 2 {_LONG}",
    "benchmark": "benchmark ROOT/suite.yaml --cohort ROOT/cohort --workers 2",
    "ablate": "ablate ROOT/study.yaml --cohort ROOT/cohort --workers 2",
    "translate": "translate ROOT/run ROOT/cohort --split all --scheduler local:2",
    "evaluate": "evaluate ROOT/run --cohort ROOT/cohort --split train --save-volumes --scheduler local:2",
}
"""Command lines of every verb that has processes, by what these do."""
_ON_CLUSTERS = ("translate", "evaluate")
"""Their processes are dask's, which may only be hurt once they have begun to work."""


def deaths(count: int) -> list[Death]:
    """Return deaths in turn over all places, by either signal."""
    names = list(PLACES)
    signals = (signal.SIGSTOP, signal.SIGKILL)
    return [
        Death(names[number % len(names)], signals[(number + number // len(names)) % 2])
        for number in range(count)
    ]


def run_deaths(
    planned: Sequence[Death],
    seed: int,
    report: Callable[[str], None] = lambda _: None,
    lanes: int = LANES,
) -> dict[str, Any]:
    """Hurt a process of each command, and see whether and when the command says so, and whether it ends.

    Args:
        planned: as `deaths` returns them.
        seed: of the instants.
        report: called with a line per death.
        lanes: commands at once.

    Returns:
        A structure that goes into JSON: `deaths`, `named` (within 30 s, with the cause), `ended` (commands that came to an
        end by themselves, with status 0 or 4), `slowest_s` (until the cause was named), `by_place` (place and signal:
        `named of deaths`), `faults`.
    """
    draw = random.Random(seed)
    lags = [draw.uniform(0, _LAG_S) for _ in planned]
    with tempfile.TemporaryDirectory() as folder:
        root, forges = Path(folder), queue.SimpleQueue[Forge]()
        opened = [Forge() for _ in range(min(lanes, len(planned)))]
        try:
            materials = Materials(root, opened[0])
            for forge in opened:
                forges.put(forge)

            def endure(number: int) -> Fate:
                forge = forges.get()
                try:
                    fate = _endure(forge, planned[number], materials, root / str(number), lags[number])
                finally:
                    forges.put(forge)
                report(f"{number + 1}/{len(planned)} {_label(planned[number])}: {_words(fate)}")
                return fate

            with ThreadPoolExecutor(len(opened)) as pool:
                fates = list(pool.map(endure, range(len(planned))))
        finally:
            for forge in opened:
                forge.__exit__()
    return tally(planned, fates)


def tally(planned: Sequence[Death], fates: Sequence[Fate]) -> dict[str, Any]:
    """Return the figures of deaths, as `run_deaths` has them."""
    held = [fate.named_s is not None and fate.named_s <= LONGEST_S for fate in fates]
    ended = [fate.answer.status in (0, 4) for fate in fates]
    of, named = (
        Counter(map(_label, planned)),
        Counter(_label(death) for death, is_held in zip(planned, held, strict=True) if is_held),
    )
    return {
        "deaths": len(fates),
        "named": sum(held),
        "ended": sum(ended),
        "slowest_s": round(max((fate.named_s or 0.0 for fate in fates), default=0.0), 1),
        "by_place": {label: f"{named[label]} of {n}" for label, n in sorted(of.items())},
        "faults": [
            f"{_label(death)}: {_words(fate)}"
            for death, fate, *good in zip(planned, fates, held, ended, strict=True)
            if not all(good)
        ],
    }


def _label(death: Death) -> str:
    return f"{death.place}, {death.signal.name}"


def _words(fate: Fate) -> str:
    when = "not named" if fate.named_s is None else f"named after {fate.named_s:.1f} s"
    return f"{when}, ended with {fate.answer.status}: {fate.said[:160]}"


def _endure(forge: Forge, death: Death, materials: Materials, folder: Path, lag: float) -> Fate:
    """Run a command, hurt one of its processes, and return what became of it."""
    folder.mkdir()
    log, output = folder / "log.txt", folder / "output"
    answers: list[Answer] = []
    thread = threading.Thread(
        target=lambda: answers.append(forge.run(materials.words(death.place, output), log))
    )
    thread.start()
    named_s = None
    victim = _victim(forge, thread, output, is_working=death.place in _ON_CLUSTERS)
    if victim is not None:
        time.sleep(0 if death.place in _ON_CLUSTERS else lag)
        os.kill(victim, death.signal)
        named_s = _wait(thread, log, _CAUSES[death.signal])
    thread.join()
    said = log.read_text(errors="replace").strip().splitlines()
    shutil.rmtree(output, ignore_errors=True)
    return Fate(named_s, answers[0], said[-1] if said else "")


def _victim(forge: Forge, thread: threading.Thread, output: Path, *, is_working: bool) -> int | None:
    """Return one of two processes of the command, once they are there; None where it has ended before."""
    end = time.monotonic() + _START_S
    while thread.is_alive() and time.monotonic() < end:
        workers = [worker for command in _children(forge.pid) for worker in _children(command)]
        workers = [worker for worker in workers if not _is_tracker(worker)]
        if len(workers) >= 2 and (not is_working or any(output.rglob("*.nii.gz"))):
            return workers[0]
        time.sleep(0.02)
    return None


def _wait(thread: threading.Thread, log: Path, cause: re.Pattern[str]) -> float | None:
    """Return after how many seconds the cause is in the log; None where the command ends without."""
    begun = time.monotonic()
    while True:
        is_over = not thread.is_alive()
        if cause.search(log.read_text(errors="replace")):
            return time.monotonic() - begun
        if is_over:
            return None
        time.sleep(0.1)


def _children(process: int) -> list[int]:
    """Return the ids of the processes that a process started, whichever of its threads it was."""
    found: list[int] = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found += [int(word) for word in path.read_text().split()]
        except OSError:  # a thread that has ended
            continue
    return sorted(found)


def _is_tracker(process: int) -> bool:
    """Tell whether a process is multiprocessing's own helper."""
    try:
        return b"resource_tracker" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return True
