"""A translator's settings: those of the recipe, and those that follow from the cohort and the windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transmodal import translators
from transmodal.cohorts.store import PreparedCase
from transmodal.errors import UsageError
from transmodal.recipes.schema import Recipe

DERIVED = ("source_channels", "target_channels", "spatial_dims", "slab_depth")
"""Settings of a translator that follow from the cohort and the windows."""


def translator_config(recipe: Recipe, cases: Sequence[PreparedCase]) -> dict[str, Any]:
    """Return the translator's settings: the recipe's, with channels and dimensions added.

    Raises:
        UsageError: E003 for a setting that is derived or not known, and as `translators.checked`.
    """
    for key in DERIVED:
        if key in recipe.settings:
            raise UsageError(
                "E003",
                f"settings.{key}",
                "settings that do not follow from the cohort and the windows",
                f"Leave settings.{key} out.",
            )
    windows = recipe.windows
    derived = {
        "source_channels": tuple(n_channels(cases, modality) for modality in recipe.task.source),
        "target_channels": n_channels(cases, recipe.task.target),
        "spatial_dims": 3 if windows.kind == "patch" else 2,
        "slab_depth": windows.depth,
    }
    config = translators.checked(recipe.translator, {**recipe.settings, **derived})
    return config.model_dump(mode="json")


def n_channels(cases: Sequence[PreparedCase], modality: str) -> int:
    """Return a modality's channels in the first case that has it; grey where none has it."""
    shapes = [case.entry.volumes[modality].shape for case in cases if modality in case.modalities]
    return 3 if shapes and len(shapes[0]) == 4 else 1
