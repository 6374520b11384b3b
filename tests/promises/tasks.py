"""Which commands are killed, in which order, and how each is struck."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from transmodal import translators

VERBS = (
    *("prepare", "train", "translate", "evaluate", "compare", "atlas"),
    *("train", "ablate", "prepare", "benchmark", "translate", "train"),
)
"""One round of kills: those that write most come more than once."""
TRANSLATORS = tuple(translators.names())
LOADERS = 2
"""Processes that cut windows, of the trainings that have some."""


class Task(NamedTuple):
    """Which command is killed.

    Attributes:
        verb: of the command.
        translator: of the recipe or run; empty where the verb has none.
        loaders: processes that cut the windows of a training.
    """

    verb: str
    translator: str = ""
    loaders: int = 0

    def __str__(self) -> str:
        """Return it as the record names it, such as `train pix2pix, 2 loaders`."""
        loaders = f", {self.loaders} loaders" if self.loaders else ""
        return f"{self.verb} {self.translator}".strip() + loaders


def tasks_of(verb: str) -> list[Task]:
    """Return every command of a verb: each translator, and of trainings with and without loader processes."""
    if verb == "train":
        return [Task(verb, translator, loaders) for loaders in (0, LOADERS) for translator in TRANSLATORS]
    if verb in ("translate", "evaluate", "compare"):
        return [Task(verb, translator) for translator in TRANSLATORS]
    return [Task(verb)]


class Trial(NamedTuple):
    """One kill.

    Attributes:
        task: which command.
        is_timed: whether it is struck at a moment, or before a call that changes the disk.
    """

    task: Task
    is_timed: bool


def trials(count: int, verbs: Sequence[str] = VERBS, earlier: Mapping[str, Any] = {}) -> list[Trial]:
    """Return kills in turn over verbs; of each verb the command that was killed least, and both ways to strike.

    Args:
        count: of kills.
        verbs: one round of them.
        earlier: figures of the kills before, from where it goes on.
    """
    by_task, by_verb = Counter(earlier.get("by_task", {})), Counter(earlier.get("by_verb", {}))
    planned = []
    for number in range(count):
        verb = verbs[number % len(verbs)]
        task = min(tasks_of(verb), key=lambda task: by_task[str(task)])
        # The work of these two is done in processes of their own, in which no call is counted.
        planned.append(Trial(task, verb in ("benchmark", "ablate") or by_verb[verb] % 3 == 2))
        by_task[str(task)] += 1
        by_verb[verb] += 1
    return planned
