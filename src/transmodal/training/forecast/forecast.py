"""Forecast: what a training takes, told before it starts: work, device, memory, disk, and time by its own steps."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transmodal.cohorts.store import Cohort
from transmodal.errors import ResourceError
from transmodal.progress import Progress, Silent
from transmodal.recipes.schema import Recipe
from transmodal.training.forecast.measure import Clock, Measurement, measure_in_process
from transmodal.training.forecast.pace import Pace
from transmodal.training.forecast.scale import ScalePlan
from transmodal.training.launch import launch, raise_signal
from transmodal.training.planning.disk import estimate_disk, free_at, size
from transmodal.training.planning.memory import ADVICE, estimate_training
from transmodal.training.planning.needs import Needs
from transmodal.training.planning.plan import plan
from transmodal.training.planning.start import check_start
from transmodal.training.run import Run
from transmodal.training.session import Assignment

SECONDS = 15.0
"""For which steps of each phase are timed."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """A training as it is going to be.

    Attributes:
        needs: its work, device, memory and disk.
        pace: of its parts; None where nothing was timed.
        scale: what very many cases take; None where that was not asked for.
    """

    needs: Needs
    pace: Pace | None
    scale: ScalePlan | None = None

    @property
    def seconds(self) -> float | None:
        """Seconds that the training takes; None where nothing was timed."""
        return None if self.pace is None else sum(self.pace.parts(self.needs.work).values())

    def lines(self) -> list[str]:
        """Return it, a line each."""
        return [*self._training_lines(), *(() if self.scale is None else self.scale.lines())]

    def _training_lines(self) -> list[str]:
        lines = self.needs.lines()
        if self.pace is None:
            return [*lines, "time: not measured"]
        features = self.pace.features
        if features.windows:
            stored = size(features.windows * features.n_bytes)
            lines.append(
                f"disk: about {stored} beside the cohort for the features of {features.windows} windows"
            )
        if self.pace.device_peak:
            lines.append(f"memory of the card: {size(self.pace.device_peak)} at most")
        lines.append(self.pace.line(self.needs.work))
        if self.needs.plan.recipe.training.early_stopping is not None:
            lines.append("This is all epochs: training.early_stopping may end it before.")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it: bytes and seconds."""
        content = self.needs.to_json()
        if self.pace is not None:
            features = self.pace.features
            content["disk"]["features"] = features.windows * features.n_bytes
            content["memory"]["card"] = self.pace.device_peak
            content["time"] = self.pace.to_json(self.needs.work)
        if self.scale is not None:
            content["scale"] = self.scale.to_json()
        return {"recipe": self.needs.plan.recipe.name, "cohort": self.needs.plan.cohort.name, **content}


def forecast(
    recipe: Recipe,
    cohort: Cohort,
    *,
    seconds: float = SECONDS,
    start: Path | None = None,
    progress: Progress | None = None,
    clock: Clock = time.monotonic,
) -> Forecast:
    """Tell what training by a recipe on a cohort takes; the steps that are timed are forgotten.

    Args:
        recipe: resolved.
        cohort: prepared.
        seconds: for which steps of each phase are timed, after some to warm up and at least two; 0 times nothing.
        start: run whose best weights training starts from.
        progress: told of the parts that were timed.
        clock: tells seconds; on a CPU that others use as well, `time.process_time` counts this process's alone.

    Raises:
        UsageError, InputError: as `planning.plan.plan`.
        ResourceError: E402 when memory does not suffice, E403 for a temporary folder without room, E404 for a device that is not there.
        KeyboardInterrupt: on SIGINT; SystemExit likewise on SIGTERM.
    """
    began = clock()
    training_plan = plan(recipe, cohort, start=start)
    work = check_start(training_plan)
    estimate = estimate_training(training_plan)
    needs = Needs(training_plan, work, estimate)
    if seconds <= 0:
        return Forecast(needs, None)
    estimate.check("this training", ADVICE)
    planning = clock() - began
    with tempfile.TemporaryDirectory(prefix="transmodal-plan-") as folder:
        _check_room(needs, Path(folder))
        measurement = Measurement(Assignment(training_plan, Run(Path(folder))), work, seconds, clock)
        pace, signal = launch(
            training_plan.recipe.training, measure_in_process, measurement, progress or Silent()
        )
    if pace is None:
        raise_signal(signal)
    return Forecast(needs, pace._replace(start=pace.start + planning))


def _check_room(needs: Needs, folder: Path) -> None:
    """Refuse a temporary folder that the checkpoints that are timed do not fit into."""
    disk, free = estimate_disk(needs.plan, needs.work), free_at(folder)
    if disk.peak > free:
        raise ResourceError(
            "E403",
            f"{size(free)} free in {folder.parent} to time a checkpoint",
            size(disk.peak),
            "Set the environment variable TMPDIR to a folder with room, or --seconds 0.",
        )
