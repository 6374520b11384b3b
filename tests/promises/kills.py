"""Kill -9 at seeded random instants: nothing is lost, nothing is half there, and the same command goes on to the same result."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from promises.forge import Answer, Forge, Strike
from promises.scenes import (
    TRANSLATORS,
    VERBS,
    Scene,
    Stage,
    broken_files,
    leftovers,
    result_of,
    steps_lost,
)

_KILLED = -9
_SUMMED = ("kills", "missed", "lost", "partial_files", "leftovers", "left_processes")
_TRIES = 3
_MOST_LOST = 1
"""Steps: a checkpoint is written after every step, so that the step that was computed is the most."""


class Trial(NamedTuple):
    """One kill.

    Attributes:
        verb: of the command.
        translator: of the recipe or run, where the verb has one.
        is_timed: whether it is struck at a moment, or before a call that changes the disk.
    """

    verb: str
    translator: str
    is_timed: bool


def trials(count: int) -> list[Trial]:
    """Return kills in turn over all verbs, all translators, and both ways to strike."""
    found = []
    for number in range(count):
        turn, place = divmod(number, len(VERBS))
        verb = VERBS[place]
        n_train = VERBS[: place + 1].count("train") - 1 if verb == "train" else 0
        translator = TRANSLATORS[(3 * turn + n_train) % len(TRANSLATORS)]
        # The work of these two is done in processes of their own, in which no call is counted.
        is_timed = verb in ("benchmark", "ablate") or (turn + place) % 3 == 2
        found.append(Trial(verb, translator, is_timed))
    return found


def run_kills(
    count: int, seed: int, report: Callable[[str], None] = lambda _: None, first: int = 0
) -> dict[str, Any]:
    """Kill commands, look at what is left, let the same command go on, and compare with the uninterrupted one.

    Args:
        count: of kills.
        seed: of the instants; with another `first` they are others.
        first: number of the first of them, in the order of `trials`: so that runs go on over verbs and translators.
        report: called with a line per kill.

    Returns:
        A structure that goes into JSON: `kills` (that took place), `missed` (the command had ended before), `by_verb`,
        `by_translator`, `lost` (results that were not those of the uninterrupted command, or checkpoints that did not
        load), `partial_files`, `leftovers` and `left_processes` (numbers of kills after which there were any),
        `most_steps_lost`, and `faults`, a line each.
    """
    draw = random.Random(f"{seed} {first}" if first else seed)
    figures: dict[str, Any] = dict.fromkeys(_SUMMED, 0)
    by_verb: Counter[str] = Counter()
    by_translator: Counter[str] = Counter()
    most_lost, faults = 0, []
    with tempfile.TemporaryDirectory() as folder, Forge() as forge:
        stage = Stage(Path(folder), forge)
        for number, trial in enumerate(trials(first + count)[first:], first):
            output = Path(folder) / "killed" / str(number) / trial.verb  # pages show the name of their folder
            output.parent.mkdir(parents=True)
            outcome = _kill(stage, forge, trial, output, draw)
            if outcome.is_missed:
                figures["missed"] += 1
                continue
            figures["kills"] += 1
            by_verb[trial.verb] += 1
            if trial.verb in ("train", "translate", "evaluate", "compare"):
                by_translator[trial.translator] += 1
            most_lost = max(most_lost, outcome.steps_lost)
            for kind in outcome.faults:
                figures[kind] += 1
            faults += [
                f"{trial.verb} {trial.translator}, kill {number}: {kind}: {text}"
                for kind, text in outcome.faults.items()
            ]
            report(
                f"{number + 1}/{first + count} {trial.verb} {trial.translator} {outcome.faults or 'as uninterrupted'}"
            )
    return {
        **figures,
        "seed": seed,
        "by_verb": dict(sorted(by_verb.items())),
        "by_translator": dict(sorted(by_translator.items())),
        "most_steps_lost": most_lost,
        "faults": faults,
    }


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
            for key in ("by_verb", "by_translator")
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
    reference = stage.reference(trial.verb, trial.translator)
    scene = stage.scene(trial.verb, trial.translator, output)
    answer = _strike(stage, forge, trial, scene, draw.uniform(0, 0.97))
    if answer.status != _KILLED:
        return Outcome(True, {})
    faults = {}
    if answer.is_left:
        faults["left_processes"] = "a process outlived the killed one"
    if broken := broken_files(output):
        faults["partial_files"] = ", ".join(broken)
    n_lost = steps_lost(output) if trial.verb == "train" else 0
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
    whole = stage.cost(trial.verb, trial.translator)
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
