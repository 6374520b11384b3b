"""The bench that a study works at: its runs, cohort, options, and the units of work that are complete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from transmodal.cohorts.store import Cohort
from transmodal.experiments.study.units import WorkUnits
from transmodal.recipes.schema import Recipe

AnyOptions = TypeVar("AnyOptions")


class Entrant(NamedTuple):
    """A trained run in a study.

    Attributes:
        row: its name in tables; runs of one recipe that differ in their seed share it.
        folder: of the run.
        recipe: resolved.
        weights_sha256: of its best weights.
    """

    row: str
    folder: Path
    recipe: Recipe
    weights_sha256: str

    @property
    def seed(self) -> int:
        """The training's seed."""
        return self.recipe.training.seed

    @property
    def label(self) -> str:
        """A name that is unique among the entrants of a study."""
        return f"{self.row}, seed {self.seed}"


class CohortFiles(NamedTuple):
    """Files that say more of a cohort's subjects than its images do.

    Attributes:
        training_cohort: that the runs learned from, where another one is scored.
        subjects: folder of virtual subjects whose `case.json` holds what was planted; None where nothing is known.
        phenotypes: table with a column of patients; None without one.
    """

    training_cohort: Path | None = None
    subjects: Path | None = None
    phenotypes: Path | None = None


@dataclass(frozen=True, slots=True)
class Bench(Generic[AnyOptions]):
    """All that a study works with.

    Attributes:
        cohort: prepared.
        folder: of the study, for whatever a unit writes.
        entrants: trained runs, in the order in which they were named, those of one row side by side.
        recipes: names or paths, of a study that trains variants itself.
        changes: of recipes, as `dotted.key=value`.
        seeds: of trainings.
        split: side of the cohort's split that is scored, or `all`.
        material: files beside the cohort.
        options: of the study.
        device: where models run; None takes a GPU where there is one.
        units: completed work.
    """

    cohort: Cohort
    folder: Path
    entrants: tuple[Entrant, ...]
    recipes: tuple[str, ...]
    changes: tuple[str, ...]
    seeds: tuple[int, ...]
    split: str
    material: CohortFiles
    options: AnyOptions
    device: str | None
    units: WorkUnits

    def rows(self) -> dict[str, Sequence[Entrant]]:
        """Return the runs of every row, in order."""
        rows: dict[str, list[Entrant]] = {}
        for entrant in self.entrants:
            rows.setdefault(entrant.row, []).append(entrant)
        return dict(rows)
