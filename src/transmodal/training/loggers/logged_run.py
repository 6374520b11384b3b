"""A run as a logger keeps it: what it is begun with, what it takes, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from transmodal._version import __version__
from transmodal.checkpoint import CohortMark
from transmodal.notice import INTENDED_USE
from transmodal.recipes.schema import Recipe
from transmodal.training.log import CurvePoint, Outcome

PROJECT = "transmodal"
"""The project or experiment of runs, where the user names none."""


class RunFacts(NamedTuple):
    """The facts of a run that a logger is told: never an image, never a case.

    Attributes:
        name: of the run's folder.
        folder: for what the logger writes on this machine.
        recipe: resolved.
        cohort: what is trained on.
    """

    name: str
    folder: Path
    recipe: Recipe
    cohort: CohortMark

    def settings(self) -> dict[str, str]:
        """Return the recipe as text by dotted key, such as `training.batch`."""
        return dict(_flat(self.recipe.model_dump(mode="json")))

    def tags(self) -> dict[str, str]:
        """Return what the run is described with beside its recipe."""
        return {
            "transmodal": __version__,
            "cohort": self.cohort.name,
            "cohort_digest": self.cohort.digest,
            "intended_use": INTENDED_USE,
        }


class LoggedRun(Protocol):
    """A run in a logger's store.

    Attributes:
        id: by which the store finds it again.
        store: such as the address of a server.
    """

    id: str
    store: str

    def send(self, points: Sequence[CurvePoint], row: int) -> None:
        """Hand points on, the first of which is in this row of the curves; whatever it raises ends the logging."""
        ...

    def finish(self, outcome: Outcome) -> None:
        """Close the run."""
        ...


class Logger(NamedTuple):
    """A logger: both may raise what its package raises.

    Attributes:
        load: imports its package.
        connect: begins a run in its store, or goes on with the one of an earlier start, of which `id` and `store` are given.
    """

    load: Callable[[], None]
    connect: Callable[[RunFacts, Mapping[str, Any]], LoggedRun]


def _flat(data: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for key, value in data.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", str(value)
