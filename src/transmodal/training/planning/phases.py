"""A translator's phases and their players, and the recipe's keys that name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from transmodal import translators
from transmodal.errors import UsageError, suggest
from transmodal.nets.meta import shapes_alone
from transmodal.recipes.alignment_schema import REGISTRATION
from transmodal.recipes.schema import Recipe
from transmodal.training.alignment.registrar import Registrar
from transmodal.translators._base import Translator

Players = Mapping[str, Sequence[str]]
"""Names of the players by phase."""


@dataclass(frozen=True, slots=True)
class PhasePlan:
    """One phase of a translator.

    Attributes:
        name: of the phase.
        epochs: how many.
        players: parameters of each player, in stepping order.
        validated: whether it is validated.
    """

    name: str
    epochs: int
    players: Mapping[str, int]
    validated: bool = True


def plan_phases(recipe: Recipe, blank: Translator[Any], derived: Mapping[str, Any]) -> tuple[PhasePlan, ...]:
    """Return the translator's phases under the recipe's settings.

    Args:
        recipe: resolved.
        blank: the translator on the meta device.
        derived: its settings that follow from the cohort and the windows.

    Raises:
        UsageError: E003 where the recipe names a phase or a player that the translator does not have.
    """
    head = _registration_head(recipe, blank)
    phases = tuple(
        PhasePlan(
            name,
            recipe.training.epochs_of(name),
            {player: _n_trainable(module) for player, module in {**blank.players(name), **head}.items()},
            name not in blank.preparatory,
        )
        for name in blank.phases
    )
    players: Players = {phase.name: list(phase.players) for phase in phases}
    # A setting may switch a player or a phase off that the recipe has an optimiser for: that is no mistake.
    _check_keys(recipe, [players, _default_players(recipe.translator, derived)])
    _check_optimisers(recipe, players)
    return phases


def _registration_head(recipe: Recipe, blank: Translator[Any]) -> dict[str, nn.Module]:
    """Return the registration head without weights, as one more player; nothing where the recipe has none.

    Raises:
        UsageError: E004 for a translator that has a player of that name.
    """
    alignment = recipe.training.alignment
    if alignment is None or alignment.registration is None:
        return {}
    if any(REGISTRATION in blank.players(phase) for phase in blank.phases):
        raise UsageError(
            "E004",
            f"training.alignment.registration for {recipe.translator}, which has a player of that name",
            "a translator without one",
            "Set training.alignment.registration=null.",
        )
    with shapes_alone():
        return {REGISTRATION: Registrar(alignment.registration, blank.config, torch.device("meta")).head}


def _n_trainable(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def _default_players(translator: str, derived: Mapping[str, Any]) -> Players:
    """Return the players of each phase under the translator's own defaults."""
    try:
        with shapes_alone():
            default = translators.build(translator, derived)
    except UsageError:  # the defaults do not suit these channels
        return {}
    return {phase: list(default.players(phase)) for phase in default.phases}


def _check_keys(recipe: Recipe, settings: Sequence[Players]) -> None:
    """Refuse phases and players that the translator has neither under these settings nor under its defaults."""
    training = recipe.training
    phases = [phase for players in settings for phase in players]
    _check_names("training.phases", list(training.phases), phases)
    for phase, changes in training.phases.items():
        names = [name for players in settings for name in players.get(phase, [])]
        _check_names(f"training.phases.{phase}.players", list(changes.players), names)
    names = [name for players in settings for of_phase in players.values() for name in of_phase]
    _check_names("training.players", list(training.players), names)


def _check_optimisers(recipe: Recipe, players: Players) -> None:
    """Refuse a recipe all of whose optimisers are of players that its settings switch off."""
    names = list(dict.fromkeys(name for of_phase in players.values() for name in of_phase))
    optimisers = recipe.training.players
    if optimisers and not set(optimisers) & set(names):
        raise UsageError(
            "E003",
            f"training.players has {', '.join(optimisers)}, none of which these settings leave",
            f"optimisers of {', '.join(names)}",
            "Set training.players to theirs, or to {} for the defaults.",
        )


def _check_names(key: str, names: Sequence[str], choices: Sequence[str]) -> None:
    for name in names:
        if name not in choices:
            raise UsageError(
                "E003",
                f"unknown key {key}.{name}",
                f"one of {', '.join(dict.fromkeys(choices))}",
                suggest(name, choices, "Leave it out.", prefix=f"{key}.", cutoff=0.4),
            )
