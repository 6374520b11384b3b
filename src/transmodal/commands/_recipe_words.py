"""A recipe in the words of the command line: by name, changed by `--set`, and by the options for hardware."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transmodal.recipes.schema import Recipe


def resolve(
    recipe: str | Path | Recipe,
    changes: Mapping[str, object] | Sequence[str],
    hardware: Mapping[str, object],
) -> Recipe:
    """Return a recipe as a training takes it.

    Args:
        recipe: name of one that comes with transmodal, YAML file, or a resolved recipe.
        changes: by dotted key or as words `training.epochs=2`.
        hardware: keys of `training` that have options of their own; None leaves the recipe's.

    Raises:
        UsageError: E001, E002 and E003 for recipes and keys.
    """
    from transmodal.recipes import load
    from transmodal.recipes.schema import Recipe

    words = load.words(changes) if isinstance(changes, Mapping) else changes
    resolved = load.changed(recipe, words) if isinstance(recipe, Recipe) else load.load(recipe, words)
    settings = {f"training.{key}": value for key, value in hardware.items() if value is not None}
    return load.changed(resolved, load.words(settings))
