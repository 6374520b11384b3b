"""Spacings that were assumed: pictures and arrays hold none, and their user may not have given one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from transmodal.cohorts.store import PreparedCase
from transmodal.errors import UsageError
from transmodal.volumes.geometry.reorient import working_grid

NOTE = "assumed_spacing_mm"
"""The note of a case whose spacing was assumed."""

REMEDY = "Prepare them again with --with spacing_mm=WITHIN,BETWEEN"
"""Remedy for an assumed spacing."""


class Resampled(NamedTuple):
    """A case of assumed spacing that a recipe would sample on another grid.

    Attributes:
        case: its name.
        assumed_mm: the spacing that was assumed.
        before: voxels as prepared.
        after: voxels as the recipe would have them.
    """

    case: str
    assumed_mm: float
    before: tuple[int, int, int]
    after: tuple[int, int, int]

    def line(self) -> str:
        """Return the change of its grid, in one line."""
        return (
            f"{_sides(self.before)} voxels of {self.case} would become {_sides(self.after)}, by a spacing of "
            f"{self.assumed_mm:g} mm that was assumed: pictures and arrays do not say theirs"
        )


def list_assumed(notes: Iterable[tuple[str, Mapping[str, float]]]) -> list[str]:
    """Return the cases whose spacing was assumed, by their names and notes."""
    return [case for case, mine in notes if NOTE in mine]


def check(cases: Iterable[PreparedCase], spacing_mm: float | None, remedy: str) -> None:
    """Refuse to sample cases on another grid by an assumed spacing.

    Args:
        cases: prepared.
        spacing_mm: of the recipe; None samples nothing.
        remedy: another remedy than to give the spacing, as the end of a sentence; empty where there is none.

    Raises:
        UsageError: E004 naming the first of them.
    """
    if spacing_mm is None:
        return
    for case in cases:
        grid = working_grid(case.grid, spacing_mm)
        if NOTE in case.entry.notes and grid.shape != case.grid.shape:
            resampled = Resampled(case.id, case.entry.notes[NOTE], case.grid.shape, grid.shape)
            raise UsageError(
                "E004",
                f"data.spacing_mm={spacing_mm:g} of the recipe: {resampled.line()}",
                "a spacing that is said, or pixels as they are",
                f"{REMEDY}{remedy}.",
            )


def _sides(shape: tuple[int, int, int]) -> str:
    return " x ".join(map(str, shape))
