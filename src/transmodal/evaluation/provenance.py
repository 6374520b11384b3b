"""How a trained model came about, as far as a comparison needs it: which recipe, how large, on what device."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from transmodal.inference import engines
from transmodal.inference.preprocessing import passes
from transmodal.notice import FROM_SCRATCH
from transmodal.storage import files

if TYPE_CHECKING:
    from transmodal.inference.model import Model
    from transmodal.recipes.schema import Recipe

ORIGIN = "origin"
"""Key of a participant's record that says who made its volumes; runs have none."""
ANOTHER_PROGRAM = "volumes of another program"

UNCOUNTED = (
    "seed",
    "device",
    "processes",
    "workers",
    "checkpoint_minutes",
    "log_every",
    "resident",
    "channels_last",
    "compile",
    "tf32",
    "loggers",
)
"""Keys under `training` that two trainings of one recipe may differ in: the seed, and where and how it ran."""

UNSET = ("alignment", "misalignment", "mislabelling", "paired_patients")
"""Keys under `training` that do not count where they say nothing: recipes from before there were these have their hash still."""

OFF = ("plane_channels",)
"""Keys under `windows`, likewise where they are off."""

NO_PATH = (None, "random")
"""Values of weights' settings that are no path."""


NORMALISED = {
    "batch_statistics": "normalised by each window's statistics",
    "running": "normalised by running averages",
}
"""Words of tables for batch normalisation that is not the recipe's."""


def describe_model(model: Model) -> dict[str, Any]:
    """Return the record of a trained model that a comparison needs, JSON-able.

    Returns:
        `recipe_sha256`, equal for trainings that differ in their seed alone, or in where weights lie;
        `parameters`, those that the translated image depends on; `device`, where it runs; `engine`, which was asked for,
        where it is not torch.
    """
    from transmodal.translators._facts import generator_parameters

    config = model.translator.config.model_dump(mode="json")
    return {
        "recipe_sha256": recipe_digest(model.recipe, weight_hashes(model.provenance)),
        "parameters": generator_parameters(model.recipe.translator, config),
        "device": str(model.device),
        **({} if model.engine_name == engines.DEFAULT else {"engine": model.engine_name}),
    }


def describe_passes(model: Model) -> dict[str, Any]:
    """Return the passes that become one volume and the batch normalisation; `recipe` holds the recipe's where others are taken."""
    record = passes(model.preprocessing)
    own: dict[str, Any] = {
        "axes": list(model.recipe.translation.axes or model.recipe.windows.axes),
        "fuse": model.recipe.translation.fuse,
    }
    if not model.has_axes:
        record["axes"] = own["axes"] = []
    statistics = model.translator.translates_with()
    if statistics is not None:
        record["translate_with"], own["translate_with"] = statistics, model.learned_with
    return record if record.items() >= own.items() else record | {"recipe": own}


def describe_variant(passes: Mapping[str, Any]) -> str:
    """Return in what recorded passes differ from the recipe's, such as `axes x,y,z, 3 draws`; empty for nothing."""
    own = passes.get("recipe", {})
    differ = {key for key, value in own.items() if value != passes.get(key)}
    parts = [f"axes {','.join(passes['axes'])}"] if "axes" in differ else []
    parts += [f"fused by the {passes['fuse']}"] if "fuse" in differ else []
    parts += [f"{passes['draws']} draws"] if passes.get("draws", 1) > 1 else []
    parts += [f"flips {','.join(passes['flips'])}"] if passes.get("flips") else []
    parts += [NORMALISED[passes["translate_with"]]] if "translate_with" in differ else []
    return ", ".join(parts)


def recipe_digest(recipe: Recipe, weights: Mapping[str, str] | None = None) -> str:
    """Return a hash of a resolved recipe without its seed and the keys of where and how it is trained.

    Args:
        recipe: resolved.
        weights: SHA-256 of networks' weights, by the setting that holds their path; see `placeless`.
    """
    data = without_paths(recipe, weights or {}).model_dump(mode="json")
    data["training"] = {
        key: value
        for key, value in data["training"].items()
        if key not in UNCOUNTED and not (key in UNSET and value is None)
    }
    data["windows"] = {
        key: value for key, value in data["windows"].items() if not (key in OFF and value is False)
    }
    return files.sha256_text(json.dumps(data, sort_keys=True))


def without_paths(recipe: Recipe, weights: Mapping[str, str]) -> Recipe:
    """Return a recipe with the hashes of its files of weights instead of their paths.

    Args:
        recipe: resolved.
        weights: SHA-256 of networks' weights, by the setting that holds their path.
    """
    settings = {
        key: value if value in NO_PATH else weights.get(key, value)
        for key, value in recipe.settings.items()
        if not (value is None and weights.get(key) == FROM_SCRATCH)
    }
    return recipe.model_copy(update={"settings": settings})


def weight_hashes(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of networks' weights in a model's record, by the setting that holds their path."""
    return {**record.get("frozen", {}), **record.get("starting_weights", {})}


def starting_weights(record: Mapping[str, Any]) -> set[str]:
    """Return the weights that a model's networks started from: SHA-256 of files, or `from scratch`; empty where none are recorded."""
    return {str(start) for start in (record.get("starting_weights") or {}).values()}


def starting_notes(models: Mapping[str, set[str]]) -> list[str]:
    """Return notes on models whose papers start from published weights: whether these did.

    Args:
        models: the weights that each model's networks started from; see `starting_weights`.
    """
    notes = {
        "From scratch, where the paper starts from published weights": [
            name for name, starts in models.items() if FROM_SCRATCH in starts
        ],
        "Started from published weights": [
            f"{name} (SHA-256 {start[:12]})"
            for name, starts in models.items()
            for start in sorted(starts - {FROM_SCRATCH})
        ],
    }
    return [f"{note}: {', '.join(names)}." for note, names in notes.items() if names]
