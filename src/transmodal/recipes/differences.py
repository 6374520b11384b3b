"""In which keys two recipes differ."""

from __future__ import annotations

from transmodal.recipes.load import word
from transmodal.recipes.schema import Recipe


def differing_keys(first: object, second: object, path: str = "") -> list[str]:
    """Return the dotted keys at which two pieces of plain data differ."""
    if isinstance(first, dict) and isinstance(second, dict):
        keys = [*first, *(key for key in second if key not in first)]
        return [
            difference
            for key in keys
            for difference in differing_keys(
                first.get(key), second.get(key), f"{path}.{key}" if path else str(key)
            )
        ]
    return [] if first == second else [path or "everything"]


def changes_of(recipe: Recipe, base: Recipe) -> list[str]:
    """Return what makes a recipe of another one, as words that `changed` takes; a change of the seed is none."""
    before, after = base.model_dump(mode="json"), recipe.model_dump(mode="json")
    keys = [key for key in differing_keys(before, after) if key != "training.seed"]
    return [f"{key}={word(_value(after, key))}" for key in keys]


def _value(data: object, key: str) -> object:
    for name in key.split("."):
        data = data.get(name) if isinstance(data, dict) else None
    return data
