"""A design: rows of recipes, each trained with several seeds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from transmodal.errors import UsageError
from transmodal.recipes.load import load
from transmodal.recipes.parts import Part
from transmodal.recipes.schema import Recipe

Key = tuple[str, int]
"""A row's name and a seed: one training."""


class Variant(Part):
    """One way to train.

    Attributes:
        changes: of the recipe, as `dotted.key=value`, after the design's; none for the recipe as it is.
        recipe: name in the library or path; None for the design's own.
        note: what a reader has to know of it.
    """

    changes: tuple[str, ...] = ()
    recipe: str | None = None
    note: str = ""


class Design(Part, ABC):
    """Rows of a table, each with every seed.

    Attributes:
        name: of the design; its results in the docs have the same.
        changes: of every recipe.
        seeds: of the trainings.
    """

    name: str
    changes: tuple[str, ...] = ()
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (1, 2, 3)

    @property
    @abstractmethod
    def rows(self) -> Mapping[str, Variant]:
        """The rows by name, in order."""

    def recipe_of(self, row: str) -> str:
        """Return the name or path of a row's recipe."""
        return self.rows[row].recipe or ""

    def changes_of(self, row: str) -> list[str]:
        """Return the changes of a row's recipe."""
        return [*self.changes, *self.rows[row].changes]

    def seeds_or(self, seeds: Sequence[int]) -> tuple[int, ...]:
        """Return other seeds, or the design's own where none are named.

        Raises:
            UsageError: E001 for a seed that cannot be, or that stands twice.
        """
        if min(seeds, default=0) < 0 or len(set(seeds)) < len(seeds):
            raise UsageError("E001", f"seeds {list(seeds)}", "different numbers from 0 on", "Correct them.")
        return tuple(seeds) or self.seeds

    def resolved(self, row: str, seed: int) -> Recipe:
        """Return the recipe of one training.

        Raises:
            TransmodalError: as `recipes.load`.
        """
        return load(self.recipe_of(row), [*self.changes_of(row), f"training.seed={seed}"])

    def trainings(self) -> list[Key]:
        """Return every training, in the order in which they are started: all rows with a seed before the next one."""
        return [(row, seed) for seed in self.seeds for row in self.rows]
