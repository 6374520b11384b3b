from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from transmodal.errors import IntegrityError
from transmodal.recipes.training_schema import Player, Schedule
from transmodal.training import optimizers as optim
from transmodal.training.optimizers import Moment, factor


def rates(schedule: Schedule, epochs: int, steps: int) -> list[float]:
    return [factor(schedule, Moment(step * epochs // steps, epochs, step, steps)) for step in range(steps)]


def test_constant_stays() -> None:
    assert rates("constant", 4, 8) == [1.0] * 8


def test_linear_half_is_pix2pixs() -> None:
    assert rates("linear_half", 6, 6) == pytest.approx([1, 1, 1, 3 / 4, 2 / 4, 1 / 4])
    assert rates("linear_half", 1, 1) == [0.5]
    assert rates("linear_half", 2, 4) == [1, 1, 0.5, 0.5]


def test_cosine_falls_to_nothing() -> None:
    values = rates("cosine", 1, 100)

    assert values[0] == 1.0
    assert values[50] == pytest.approx(0.5)
    assert values == sorted(values, reverse=True)
    assert factor("cosine", Moment(0, 1, 100, 100)) == pytest.approx(0.0)


def test_poly_is_nnunets() -> None:
    values = rates("poly", 1, 1000)

    assert values[0] == 1.0
    assert values[500] == pytest.approx(0.5**0.9)
    assert values == sorted(values, reverse=True)
    assert factor("poly", Moment(0, 1, 1001, 1000)) == 0.0


def test_one_cycle_rises_then_falls() -> None:
    values = rates("one_cycle", 1, 1000)

    assert values[0] == pytest.approx(1 / 25)
    assert values[300] == 1.0
    assert values[:301] == sorted(values[:301])
    assert values[300:] == sorted(values[300:], reverse=True)
    assert values[-1] == pytest.approx(1e-3, rel=0.01)
    assert all(0 < value <= 1 for value in values)


def test_rate_is_set_on_every_group() -> None:
    module = nn.Linear(2, 1)
    player = Player(lr=0.5, schedule="cosine")
    optimizer = optim.build(player, module, fused=False)

    assert optim.set_rate(optimizer, player, Moment(0, 1, 50, 100)) == pytest.approx(0.25)
    assert [group["lr"] for group in optimizer.param_groups] == [pytest.approx(0.25)]


@pytest.mark.parametrize(("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)])
def test_settings_reach_the_optimiser(name: str, kind: type[torch.optim.Optimizer]) -> None:
    module = nn.Linear(2, 1)
    module.bias.requires_grad_(False)
    player = Player.model_validate({"optimizer": name, "betas": (0.1, 0.2), "weight_decay": 0.3})
    optimizer = optim.build(player, module, fused=True)

    assert type(optimizer) is kind
    group = optimizer.param_groups[0]
    assert (group["betas"], group["weight_decay"], group["fused"]) == ((0.1, 0.2), 0.3, True)
    assert group["params"] == [module.weight]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_follows_nesterov(momentum: float) -> None:
    module = nn.Linear(1, 1, bias=False)
    player = Player.model_validate(
        {"optimizer": "sgd", "lr": 0.1, "betas": (momentum, 0), "weight_decay": 0.2}
    )
    optimizer = optim.build(player, module, fused=True)
    weight, speed = module.weight.item(), 0.0
    for step in range(4):
        slope = 1.0 + step
        optimizer.zero_grad()
        (slope * module.weight.sum()).backward()
        optimizer.step()
        pull = slope + 0.2 * weight
        speed = momentum * speed + pull
        weight -= 0.1 * (pull + momentum * speed)

    assert module.weight.item() == pytest.approx(weight, rel=1e-5)


def trained(module: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    for step in range(steps):
        draw = torch.Generator().manual_seed(step)
        optimizer.zero_grad()
        module(torch.rand(4, 3, generator=draw)).square().sum().backward()
        optimizer.step()


MOMENTS = {"adam": ("step", "exp_avg", "exp_avg_sq"), "sgd": ("momentum_buffer",)}


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("kind", MOMENTS)
def test_tensors_come_back_to_the_same_course(kind: str, fused: bool) -> None:
    module = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    player = Player.model_validate({"optimizer": kind, "lr": 1e-3})
    optimizer = optim.build(player, module, fused=fused)
    trained(module, optimizer, 3)
    saved = {key: value.clone() for key, value in optim.tensors({"g": optimizer}, {"g": module}).items()}
    assert set(saved) == {
        f"g/{layer}.{part}/{what}"
        for layer in (0, 1)
        for part in ("weight", "bias")
        for what in MOMENTS[kind]
    }
    twin = copy.deepcopy(module)
    other = optim.build(player, twin, fused=fused)
    optim.restore({"g": other}, {"g": twin}, saved)

    trained(module, optimizer, 2)
    trained(twin, other, 2)

    assert all(a.equal(b) for a, b in zip(module.parameters(), twin.parameters(), strict=True))


def test_tensors_of_another_network_are_refused() -> None:
    module = nn.Linear(3, 2)
    optimizer = optim.build(Player(), module, fused=False)

    with pytest.raises(IntegrityError, match="g/else/step") as caught:
        optim.restore({"g": optimizer}, {"g": module}, {"g/else/step": torch.zeros(())})
    assert caught.value.code == "E502"
