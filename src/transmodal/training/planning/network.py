"""The network that a recipe and a cohort's channels ask for, built without weights on the meta device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from transmodal import translators
from transmodal.errors import UsageError
from transmodal.nets.meta import shapes_alone
from transmodal.recipes.schema import Recipe
from transmodal.training.planning.phases import PhasePlan, plan_phases
from transmodal.translators._base import Translator
from transmodal.volumes.windows.plane_channels import N_PLANES


class NetworkPlan(NamedTuple):
    """A translator before it has weights.

    Attributes:
        blank: the translator on the meta device.
        config: settings that `translators.build` takes, JSON-able.
        phases: in order.
        starting_weights: weights that training starts from, by setting; empty for a run that goes on.
    """

    blank: Translator[Any]
    config: Mapping[str, Any]
    phases: tuple[PhasePlan, ...]
    starting_weights: Mapping[str, Mapping[str, str]]


def plan_network(recipe: Recipe, channels: Mapping[str, int], *, begins: bool) -> NetworkPlan:
    """Return the translator of a recipe, with its phases and the weights that it starts from, all checked.

    Args:
        recipe: resolved.
        channels: of each modality of the task.
        begins: as in `planning.plan.plan`.

    Raises:
        UsageError: E003 for a setting that is derived, as `translators.build` and as `plan_phases`.
        InputError: E100 when weights are not there, E101 when those that training starts from cannot be read.
        IntegrityError: E502 when weights that training starts from are of another architecture.
    """
    derived = _derive(recipe, channels)
    for key in derived:
        if key in recipe.settings:
            raise UsageError(
                "E003",
                f"settings.{key}",
                "settings that do not follow from the cohort and the windows",
                f"Leave settings.{key} out.",
            )
    with shapes_alone():
        blank = translators.build(recipe.translator, {**recipe.settings, **derived})
    return NetworkPlan(
        blank=blank,
        config=blank.config.model_dump(mode="json"),
        phases=plan_phases(recipe, blank, derived),
        starting_weights=_check_weights(blank, begins=begins),
    )


def _derive(recipe: Recipe, channels: Mapping[str, int]) -> dict[str, Any]:
    """Return the settings that follow from the cohort and the windows."""
    return {
        "source_channels": tuple(channels[modality] for modality in recipe.task.source),
        "target_channels": channels[recipe.task.target],
        "spatial_dims": 3 if recipe.windows.kind == "patch" else 2,
        "slab_depth": recipe.windows.depth,
        "plane_channels": N_PLANES if recipe.windows.plane_channels else 0,
    }


def _check_weights(blank: Translator[Any], *, begins: bool) -> dict[str, Mapping[str, str]]:
    """Check frozen networks' weights, and return those that training starts from; none for a run that goes on."""
    for frozen in blank.frozen().values():
        frozen.check()
    pretrained = blank.pretrained() if begins else {}
    for weights in pretrained.values():
        weights.check()
    return {name: weights.record() for name, weights in pretrained.items()}
