"""Kill -9 at seeded random instants: nothing is lost, nothing is half there, and the same command goes on to the same result."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from promises.forge import Answer, Forge, Strike
from promises.scenes import Scene, Stage, broken_files, leftovers, result_of, steps_lost
from promises.tasks import Task, Trial

_KILLED = -9
_SUMMED = ("kills", "missed", "lost", "partial_files", "leftovers", "left_processes")
_TRIES = 3
_MOST_LOST = 1
"""Steps: a checkpoint is written after every step, so that the step that was computed is the most."""


_COUNTED = ("by_verb", "by_translator", "by_task")


def run_kills(
    planned: Sequence[Trial],
    seed: int,
    report: Callable[[str], None] = lambda _: None,
    keep: Callable[[dict[str, Any]], None] = lambda _: None,
) -> dict[str, Any]:
    """Kill commands, look at what is left, let the same command go on, and compare with the uninterrupted one.

    Args:
        planned: as `trials` returns them.
        seed: of the instants.
        report: called with a line per kill.
        keep: called with the figures so far after each kill, so that a run that is cut short counts too.

    Returns:
        A structure that goes into JSON: `kills` (that took place), `missed` (the command had ended before), `by_verb`,
        `by_translator`, `by_task`, `lost` (results that were not those of the uninterrupted command, or checkpoints that
        did not load), `partial_files`, `leftovers` and `left_processes` (numbers of kills after which there were any),
        `most_steps_lost`, and `faults`, a line each.
    """
    draw = random.Random(seed)
    figures: dict[str, Any] = dict.fromkeys((*_SUMMED, "most_steps_lost"), 0)
    figures |= {key: Counter() for key in _COUNTED} | {"faults": []}
    with tempfile.TemporaryDirectory() as folder, Forge() as forge:
        stage = Stage(Path(folder), forge)
        for number, trial in enumerate(planned):
            output = Path(folder) / "killed" / str(number) / trial.task.verb  # pages show their folder's name
            output.parent.mkdir(parents=True)
            outcome = _kill(stage, forge, trial, output, draw)
            _count(figures, trial.task, outcome)
            said = "had ended before" if outcome.is_missed else outcome.faults or "as uninterrupted"
            report(f"{number + 1}/{len(planned)} {trial.task}: {said}")
            keep(figures)
            shutil.rmtree(output.parent)
    return figures


def _count(figures: dict[str, Any], task: Task, outcome: Outcome) -> None:
    if outcome.is_missed:
        figures["missed"] += 1
        return
    figures["kills"] += 1
    figures["by_verb"][task.verb] += 1
    figures["by_task"][str(task)] += 1
    if task.translator:
        figures["by_translator"][task.translator] += 1
    figures["most_steps_lost"] = max(figures["most_steps_lost"], outcome.steps_lost)
    for kind, text in outcome.faults.items():
        figures[kind] += 1
        figures["faults"].append(f"{task}: {kind}: {text}")


def add_kills(
    earlier: Mapping[str, Any], origin: Mapping[str, Any], fresh: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the figures of all runs together: sums, and what each run was taken of and came to.

    Args:
        earlier: figures that stand in the record; empty where there are none.
        origin: `date`, `commit` and `seed` of the fresh run.
        fresh: as `run_kills` returns them.
    """
    alone = {key: fresh[key] for key in (*_SUMMED, "most_steps_lost")}
    runs = [*earlier.get("runs", ()), {**origin, **alone}]
    return {
        **{key: sum(run[key] for run in runs) for key in _SUMMED},
        **{
            key: dict(sorted((Counter(earlier.get(key, {})) + Counter(fresh[key])).items()))
            for key in _COUNTED
        },
        "most_steps_lost": max(run["most_steps_lost"] for run in runs),
        "faults": [*earlier.get("faults", ()), *fresh["faults"]],
        "runs": runs,
    }


class Outcome(NamedTuple):
    """What one kill did: faults by kind, with words."""

    is_missed: bool
    faults: dict[str, str]
    steps_lost: int = 0


def _kill(stage: Stage, forge: Forge, trial: Trial, output: Path, draw: random.Random) -> Outcome:
    reference = stage.reference(trial.task)
    scene = stage.scene(trial.task, output)
    answer = _strike(stage, forge, trial, scene, draw.uniform(0, 0.97))
    if answer.status != _KILLED:
        return Outcome(True, {})
    faults = {}
    if answer.is_left:
        faults["left_processes"] = "a process outlived the killed one"
    if broken := broken_files(output):
        faults["partial_files"] = ", ".join(broken)
    n_lost = steps_lost(output) if trial.task.verb == "train" else 0
    again = forge.run(scene.words, stage.log)
    if again.status:
        faults["lost"] = (
            f"the same command ended with {again.status}: {stage.log.read_text().strip().splitlines()[-1]}"
        )
    elif different := _differences(result_of(reference), result_of(output)):
        faults["lost"] = f"not as uninterrupted: {', '.join(different)}"
    elif not 0 <= n_lost <= _MOST_LOST:
        faults["lost"] = f"{n_lost} steps, or a checkpoint that does not load"
    elif names := leftovers(output):
        faults["leftovers"] = ", ".join(names)
    return Outcome(False, faults, n_lost)


def _strike(stage: Stage, forge: Forge, trial: Trial, scene: Scene, share: float) -> Answer:
    """Run a command and kill it at an instant: a share of the time, or of the calls, that it needs by itself.

    Where it has ended before, what it needed is known better, and it is begun anew. A second run needs less than the first,
    which kept arrays on the working grid.
    """
    whole = stage.cost(trial.task)
    for _ in range(_TRIES):
        strike = (
            Strike(seconds=0.001 + share * whole.seconds)
            if trial.is_timed
            else Strike(1 + int(share * whole.calls))
        )
        answer = forge.run(scene.words, stage.log, strike)
        if answer.status == _KILLED:
            break
        if answer.status:
            raise RuntimeError(
                f"{' '.join(scene.words)} ended with {answer.status}: {stage.log.read_text()[-2000:]}"
            )
        whole = answer
        shutil.rmtree(scene.output)
    return answer


def _differences(expected: dict[str, str], actual: dict[str, str]) -> list[str]:
    return sorted(name for name in expected.keys() | actual.keys() if expected.get(name) != actual.get(name))
