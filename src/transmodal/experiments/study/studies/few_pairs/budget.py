"""One budget: every recipe takes as many steps, whatever it learns from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from transmodal.cohorts.store import Cohort
from transmodal.errors import UsageError
from transmodal.experiments.trial import Trial, plan_row
from transmodal.recipes.load import load
from transmodal.training.planning.plan import Plan

PairKind = Literal["pairs", "no pairs", "half-paired"]
"""Of a recipe: it learns from pairs alone, from none, or from some pairs and from images of all others without."""


class Budgeted(NamedTuple):
    """A recipe with its share of the budget.

    Attributes:
        changes: that give it the steps.
        kind: whether it learns from pairs.
    """

    changes: tuple[str, ...]
    kind: PairKind


def give_steps(recipe: str, changes: Sequence[str], steps: int, cohort: Cohort) -> Budgeted:
    """Return the changes by which a recipe trains so many steps.

    Args:
        recipe: name in the library or path.
        changes: of it.
        steps: over all its epochs and phases.
        cohort: that it is planned on.

    Raises:
        UsageError: E001 for steps that its epochs do not share out evenly, E004 for a recipe that may stop early.
        TransmodalError: as `training.planning.plan`.
    """
    resolved = load(recipe, changes)
    if resolved.training.early_stopping is not None:
        raise UsageError(
            "E004",
            f"{resolved.name}, which may stop early, on a budget of steps",
            "a recipe that trains to the end",
            "Add --set training.early_stopping=null.",
        )
    plan = plan_row([Trial(resolved.name, resolved, cohort.folder, Path())], cohort)
    epochs = sum(phase.epochs for phase in plan.phases)
    if steps % epochs:
        raise UsageError(
            "E001",
            f"--option steps={steps} for the {epochs} epochs of {resolved.name}",
            "a multiple of them",
            f"Write --option steps={epochs * max(1, steps // epochs)}, or --set training.epochs=1.",
        )
    samples = steps // epochs * resolved.training.batch
    return Budgeted((f"training.samples_per_epoch={samples}",), _kind_of(plan))


def _kind_of(plan: Plan) -> PairKind:
    if not plan.stream.unpaired:
        return "pairs"
    return "half-paired" if plan.stream.pairs else "no pairs"
