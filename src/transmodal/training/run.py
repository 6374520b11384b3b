"""The run folder: its files, its record, and its lock, so that only one training writes to it."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from pydantic import ValidationError

from transmodal._version import __version__
from transmodal.checkpoint import CohortMark, previous
from transmodal.errors import ResourceError, UsageError
from transmodal.notice import INTENDED_USE
from transmodal.recipes.differences import differing_keys
from transmodal.recipes.load import dump, validate
from transmodal.recipes.schema import Recipe
from transmodal.storage import durable, files, outputs, regular
from transmodal.training.planning.starting_run import NAME

MOVABLE = frozenset(
    {
        "device",
        "processes",
        "workers",
        "checkpoint_minutes",
        "resident",
        "channels_last",
        "compile",
        "tf32",
        "loggers",
    }
)
"""Keys under `training` that may differ when a run goes on: they say where and how, not what."""

PATIENCE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Run:
    """A run's folder."""

    folder: Path

    @property
    def record(self) -> Path:
        """The run's record: recipe, cohort, versions, plan."""
        return self.folder / "run.json"

    @property
    def last(self) -> Path:
        """The newest checkpoint, with optimisers; the one before lies in `last.previous`."""
        return self.folder / "checkpoints" / "last"

    @property
    def best(self) -> Path:
        """The checkpoint that was best on the validation cases, without optimisers."""
        return self.folder / "checkpoints" / "best"

    @property
    def is_saved(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        return self.last.is_dir() or previous(self.last).is_dir()

    @property
    def curves(self) -> Path:
        """Curves as CSV."""
        return self.folder / "curves.csv"

    @property
    def tensorboard(self) -> Path:
        """Curves for TensorBoard."""
        return self.folder / "tensorboard"

    @property
    def loggers(self) -> Path:
        """Records of loggers from outside, and what they write on this machine."""
        return self.folder / "loggers"

    @property
    def samples(self) -> Path:
        """Pictures of a validation case, one per validation."""
        return self.folder / "samples"


def open_run(folder: Path, recipe: Recipe, cohort: CohortMark, summary: Mapping[str, Any]) -> Run:
    """Start a run's folder, or take up an existing one.

    Args:
        folder: of the run.
        recipe: resolved.
        cohort: what is trained on.
        summary: of the plan, JSON-able.

    Raises:
        UsageError: E005 when the folder is of another recipe or cohort, or holds something else, or when other
            starting weights are given than those that it was begun with, or when it lies below a file.
        ResourceError: E403 when nothing can be written there.
    """
    run = Run(folder)
    outputs.check_folder(folder)
    if run.record.exists():
        _check(run, recipe, cohort)
        _check_starting(run, summary)
        _write_recipe(run)
        return run
    if folder.exists() and any(not path.name.startswith(".") for path in folder.iterdir()):
        raise UsageError(
            "E005", f"{folder} holds something that is no run", "a new or empty folder", "Choose another."
        )
    _make_folder(folder)
    files.write_json(
        run.record,
        {
            "intended_use": INTENDED_USE,
            "cohort": {"name": cohort.name, "digest": cohort.digest},
            "seed": recipe.training.seed,
            "versions": versions(),
            "plan": dict(summary),
            "recipe": recipe.model_dump(mode="json"),
        },
    )
    _write_recipe(run)
    return run


def _write_recipe(run: Run) -> None:
    """Write the recorded recipe as YAML; a run that was killed behind its record has none yet."""
    path = run.folder / "recipe.yaml"
    if not path.exists():
        recipe = validate(files.read_json(run.record)["recipe"], "the record of a run")
        with files.atomic_path(path) as beside:
            beside.write_text(dump(recipe), encoding="utf-8")


def check_started(run: Run) -> None:
    """Refuse to go on from a run's own checkpoint as if it had started from another run.

    Raises:
        UsageError: E005.
    """
    plan = files.read_json(run.record).get("plan", {})
    if NAME not in plan.get("starting_weights", {}):
        raise UsageError(
            "E005",
            f"{run.folder} was not started from another run",
            "a new folder for --from",
            "Choose another folder, or leave --from out to go on.",
        )


def versions() -> dict[str, str]:
    """Return the versions that numbers depend on."""
    return {
        "transmodal": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "lightning_fabric": metadata.version("lightning-fabric"),
        "numpy": np.__version__,
    }


@contextmanager
def lock(run: Run) -> Iterator[None]:
    """Keep other trainings out of the run while the block runs; the system lets go when a process dies.

    Raises:
        UsageError: E005 when another process is training there.
        InputError: E100 where a named pipe or a device has the lock's name.
    """
    place = run.folder / ".lock"
    if place.exists():
        regular.check_kind(place, place.stat().st_mode)
    with place.open("a", encoding="utf-8") as stream:
        # Processes that cut windows outlive a killed training by some seconds, and its lock with them.
        end = time.monotonic() + PATIENCE_SECONDS
        while not _try_lock(stream) and time.monotonic() < end:
            time.sleep(0.2)
        if not _try_lock(stream):
            raise UsageError(
                "E005",
                f"another process is training in {run.folder}",
                "one at a time",
                "Wait, or choose another.",
            )
        _remove_leftovers(run)
        yield


def _check(run: Run, recipe: Recipe, cohort: CohortMark) -> None:
    record = files.read_json(run.record)
    cohort_record = record.get("cohort", {})
    differing = differing_keys(_completed(record.get("recipe")), recipe.model_dump(mode="json"))
    differing = [key for key in differing if key.removeprefix("training.") not in MOVABLE]
    if differing:
        raise UsageError(
            "E005",
            f"{run.folder} was started with another recipe: {', '.join(differing[:5])} differ",
            "the recipe that it was started with",
            f"Choose another folder, or go on with {run.folder / 'recipe.yaml'}.",
        )
    if cohort_record.get("digest") != cohort.digest:
        raise UsageError(
            "E005",
            f"{run.folder} was started on cohort {cohort_record.get('name')} of other content or another split",
            "the cohort that it was started on",
            "Choose another folder, or give that cohort.",
        )


def _check_starting(run: Run, summary: Mapping[str, Any]) -> None:
    """Refuse other starting weights where they are going to be loaded again: no checkpoint was saved yet."""
    first_weights = files.read_json(run.record).get("plan", {}).get("starting_weights")
    weights = summary.get("starting_weights")
    if first_weights is not None and not run.is_saved and first_weights != weights:
        raise UsageError(
            "E005",
            f"{run.folder} was started from other weights: {first_weights}",
            f"the same files as then, not {weights}",
            "Choose another folder, or give those files.",
        )


def _completed(recipe: object) -> object:
    """Return a recorded recipe with the settings that there were not yet when it was written, at their defaults."""
    try:
        return Recipe.model_validate(recipe).model_dump(mode="json")
    except ValidationError:
        return recipe


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(
            "E403", f"cannot make {folder}: {error.strerror}", "room and permission", "Write elsewhere."
        ) from error


def _try_lock(stream: IO[str]) -> bool:
    """Return whether this process has the lock; where the system has no such locks, every process has it."""
    try:
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return True
    return True


def _remove_leftovers(run: Run) -> None:
    """Clear up after an interrupted save."""
    for folder in (run.folder, run.last.parent):
        durable.recover(folder)
