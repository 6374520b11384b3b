"""Workload: how many windows, steps, epochs and validations a training has, counted from its plan."""

from __future__ import annotations

from typing import Any, NamedTuple

from transmodal.counts import counted
from transmodal.data.loader import steps_per_epoch
from transmodal.recipes.training_schema import Training
from transmodal.training.planning.plan import Plan


class PhaseLoad(NamedTuple):
    """The work of one phase.

    Attributes:
        name: of the phase.
        epochs: at most; early stopping may end it before.
        steps: of all its epochs.
        validations: rounds of all validation cases.
        saves: how often the last checkpoint is written at the end of an epoch.
    """

    name: str
    epochs: int
    steps: int
    validations: int
    saves: int


class Workload(NamedTuple):
    """The work of a training.

    Attributes:
        cases: that are learned from.
        validation: cases that are validated on.
        windows: of all training cases.
        windows_per_epoch: that an epoch reads.
        batch: windows per step over all processes.
        steps_per_epoch: over all processes.
        phases: in order.
    """

    cases: int
    validation: int
    windows: int
    windows_per_epoch: int
    batch: int
    steps_per_epoch: int
    phases: tuple[PhaseLoad, ...]

    @property
    def epochs(self) -> int:
        """Epochs of all phases."""
        return sum(phase.epochs for phase in self.phases)

    @property
    def steps(self) -> int:
        """Steps of all phases."""
        return sum(phase.steps for phase in self.phases)

    @property
    def validations(self) -> int:
        """Rounds of all validation cases, over all phases."""
        return sum(phase.validations for phase in self.phases)

    @property
    def translations(self) -> int:
        """Volumes that training translates: every validation case at every validation."""
        return self.validations * self.validation

    @property
    def saves(self) -> int:
        """How often the last checkpoint is written at the end of an epoch or of the training."""
        return sum(phase.saves for phase in self.phases) + 1

    def line(self) -> str:
        """Return it on one line."""
        names = "" if len(self.phases) == 1 else f" in {', '.join(phase.name for phase in self.phases)}"
        rounds = f"{self.validations} time{'' if self.validations == 1 else 's'}"
        validation = (
            f"; {counted(self.validation, 'validation case')}, {rounds}: {counted(self.translations, 'volume')} to translate"
            if self.translations
            else "; nothing is validated"
        )
        return (
            f"training: {counted(self.cases, 'case')}, {counted(self.windows, 'window')}; {counted(self.windows_per_epoch, 'window')} in "
            f"{counted(self.steps_per_epoch, 'step')} of {self.batch} per epoch, {counted(self.epochs, 'epoch')}{names}: "
            f"{counted(self.steps, 'step')}{validation}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "cases": self.cases,
            "validation_cases": self.validation,
            "windows": self.windows,
            "windows_per_epoch": self.windows_per_epoch,
            "batch": self.batch,
            "steps_per_epoch": self.steps_per_epoch,
            "epochs": self.epochs,
            "steps": self.steps,
            "validations": self.validations,
            "volumes_to_translate": self.translations,
            "phases": [phase._asdict() for phase in self.phases],
        }


def count_work(plan: Plan, windows: int) -> Workload:
    """Return the work of a training that begins.

    Args:
        plan: of the training.
        windows: of all training cases.
    """
    settings = plan.recipe.training
    steps = count_steps(settings, windows)
    phases = []
    for phase in plan.phases:
        due = -(-phase.epochs // settings.validate_every)  # the last epoch is always due
        is_validated = phase.validated and bool(plan.validation)
        phases.append(
            PhaseLoad(phase.name, phase.epochs, phase.epochs * steps, due if is_validated else 0, due)
        )
    return Workload(
        cases=len(plan.stream.cases),
        validation=len(plan.validation),
        windows=windows,
        windows_per_epoch=steps * min(settings.batch, windows),
        batch=settings.batch,
        steps_per_epoch=steps,
        phases=tuple(phases),
    )


def count_steps(settings: Training, windows: int) -> int:
    """Return the steps of an epoch, over all processes.

    Args:
        settings: of the recipe.
        windows: of all training cases.
    """
    if settings.samples_per_epoch is None:
        return steps_per_epoch(windows, settings.batch)
    return max(1, settings.samples_per_epoch // settings.batch)
