"""Intensity maps that a cohort was prepared with, taken over into a recipe that sets none of its own."""

from __future__ import annotations

from collections.abc import Mapping

from transmodal.errors import UsageError
from transmodal.recipes.schema import IntensitySetting, Recipe
from transmodal.volumes.intensity import IntensitySpec


def with_cohort_intensity(recipe: Recipe, in_cohort: Mapping[str, IntensitySpec], cohort: str) -> Recipe:
    """Return a recipe with the maps of `prepare --intensity` for the modalities of its task.

    A cohort's map takes the place of the modality's default. A recipe may set the same one; another one is
    refused, since nothing says which of the two is meant. The result goes into the run's folder
    and its checkpoints, so that translation and evaluation use it as well.

    Args:
        recipe: resolved.
        in_cohort: maps that the cohort was prepared with, by modality.
        cohort: its name, for the error.

    Raises:
        UsageError: E004 when recipe and cohort set different maps for one modality.
    """
    settings = {
        name: _setting(in_cohort[name])
        for name in (*recipe.task.source, recipe.task.target)
        if name in in_cohort
    }
    for name, setting in settings.items():
        in_recipe = recipe.data.intensity.get(name)
        if in_recipe is not None and in_recipe != setting:
            raise UsageError(
                "E004",
                f"data.intensity.{name} is {_text(in_recipe)} in the recipe, and {_text(setting)} in the cohort {cohort}",
                f"one intensity map of {name}",
                f"Take data.intensity.{name} out of the recipe, say --set 'data.intensity.{name}={_yaml(setting)}', or "
                f"prepare the cohort with --intensity {name}={_word(in_recipe)}.",
            )
    if not settings:
        return recipe
    data = recipe.data.model_copy(update={"intensity": {**recipe.data.intensity, **settings}})
    return recipe.model_copy(update={"data": data})


def _setting(spec: IntensitySpec) -> IntensitySetting:
    has_ends = spec.method in ("window", "percentile")
    return IntensitySetting(
        method=spec.method, low=spec.low if has_ends else None, high=spec.high if has_ends else None
    )


def _text(setting: IntensitySetting) -> str:
    if setting.low is None or setting.high is None:
        return setting.method
    return f"{setting.method} {setting.low:g} to {setting.high:g}"


def _word(setting: IntensitySetting) -> str:
    """Return a setting as `--intensity` takes it."""
    if setting.low is None or setting.high is None:
        return setting.method
    return f"{setting.method}:{setting.low:g}:{setting.high:g}"


def _yaml(setting: IntensitySetting) -> str:
    """Return a setting as a value of `--set`."""
    if setting.low is None or setting.high is None:
        return f"{{method: {setting.method}}}"
    return f"{{method: {setting.method}, low: {setting.low:g}, high: {setting.high:g}}}"
