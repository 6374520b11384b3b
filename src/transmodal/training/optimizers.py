"""One optimiser per player: built by the recipe, its rate a function of the step, its tensors by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from transmodal.errors import IntegrityError
from transmodal.recipes.training_schema import Player, Schedule

WARM_UP = 0.3
"""Share of a phase's steps over which `one_cycle` rises, and what it rises from and falls to."""
_FROM, _TO = 1 / 25, 1e-3
POWER = 0.9
"""Exponent of `poly`; Chen et al., DeepLab, IEEE TPAMI 2018."""


class Moment(NamedTuple):
    """The position of a step in its phase; all counts are from 0."""

    epoch: int
    epochs: int
    step: int
    steps: int


def build(player: Player, module: nn.Module, *, fused: bool) -> Optimizer:
    """Build a player's optimiser over its trainable parameters, in the order of their names."""
    parameters = [parameter for _, parameter in _trainable(module)]
    if player.optimizer == "sgd":
        momentum, decay = player.betas[0], player.weight_decay
        return SGD(parameters, player.lr, momentum, 0, decay, nesterov=momentum > 0, fused=fused)
    adam = Adam if player.optimizer == "adam" else AdamW
    return adam(parameters, lr=player.lr, betas=player.betas, weight_decay=player.weight_decay, fused=fused)


def factor(schedule: Schedule, moment: Moment) -> float:
    """Return the factor of the learning rate: a function of the moment, nothing is remembered.

    Args:
        schedule: one of the recipe's schedules. `linear_half` falls by epoch, as pix2pix does: with 100 + 100
            epochs, 1 up to epoch 100, then down by 1/101 per epoch.
        moment: which step of the phase.
    """
    share = moment.step / max(1, moment.steps)
    if schedule == "linear_half":
        constant = moment.epochs // 2
        return 1.0 - max(0, moment.epoch + 1 - constant) / (moment.epochs - constant + 1)
    if schedule == "step_half":
        return 1.0 if moment.epoch < (moment.epochs + 1) // 2 else 0.1
    if schedule == "cosine":
        return _cosine(share)
    if schedule == "poly":
        return math.pow(1.0 - min(1.0, share), POWER)
    if schedule == "one_cycle":
        if share < WARM_UP:
            return _FROM + (1 - _FROM) * _cosine(1 - share / WARM_UP)
        return _TO + (1 - _TO) * _cosine((share - WARM_UP) / (1 - WARM_UP))
    return 1.0


def set_rate(optimizer: Optimizer, player: Player, moment: Moment) -> float:
    """Set the learning rate of a step and return it."""
    rate = player.lr * factor(player.schedule, moment)
    for group in optimizer.param_groups:
        group["lr"] = rate
    return rate


def tensors(optimizers: Mapping[str, Optimizer], players: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """Return every tensor of the optimisers as `player/parameter/kind`."""
    return {
        f"{name}/{parameter}/{kind}": value
        for name, optimizer in optimizers.items()
        for parameter, tensor in _trainable(players[name])
        for kind, value in optimizer.state[tensor].items()
    }


def restore(
    optimizers: Mapping[str, Optimizer], players: Mapping[str, nn.Module], saved: Mapping[str, Tensor]
) -> None:
    """Give the optimisers back what `tensors` took from them.

    Raises:
        IntegrityError: E502 when a tensor has no parameter that it belongs to.
    """
    remaining = dict(saved)
    for name, optimizer in optimizers.items():
        states: dict[int, dict[str, Tensor]] = {}
        for index, (parameter, tensor) in enumerate(_trainable(players[name])):
            start = f"{name}/{parameter}/"
            keys = [key for key in remaining if key.startswith(start) and "/" not in key[len(start) :]]
            if keys:
                states[index] = {
                    key[len(start) :]: _laid_out_like(tensor, remaining.pop(key)) for key in keys
                }
        optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})
    if remaining:
        raise IntegrityError(
            "E502",
            f"optimiser tensors for {sorted(remaining)[0]} and {len(remaining) - 1} others",
            "tensors of this translator's parameters",
            "Train again in another folder.",
        )


def _trainable(module: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(name, value) for name, value in module.named_parameters() if value.requires_grad]


def _laid_out_like(parameter: Tensor, saved: Tensor) -> Tensor:
    """Return a copy in the parameter's layout: a fused optimiser goes through the memory of both side by side."""
    if saved.shape != parameter.shape:
        return saved.clone()
    return torch.empty_like(parameter, dtype=saved.dtype, device=saved.device).copy_(saved)


def _cosine(share: float) -> float:
    """Fall from 1 to 0 while the share rises from 0 to 1."""
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, share)))
