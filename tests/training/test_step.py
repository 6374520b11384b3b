from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, cast

import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision.amp import MixedPrecision
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from transmodal.batch import Batch
from transmodal.checkpoint import State
from transmodal.errors import InputError
from transmodal.training.step import any_of, check_finite, step, to_numbers, total_over_processes
from transmodal.translators._base import Translator, TranslatorConfig


class Outputs(NamedTuple):
    synthetic: Tensor


class Scalars(Translator[Outputs]):
    """Two numbers: the judge wants to follow the maker, the maker runs from the judge."""

    def __init__(self) -> None:
        super().__init__(TranslatorConfig())
        self.judge = nn.Linear(1, 1, bias=False)
        self.maker = nn.Linear(1, 1, bias=False)
        nn.init.constant_(self.judge.weight, 3.0)
        nn.init.constant_(self.maker.weight, 2.0)
        self.called: list[str] = []

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        out: Tensor = self.maker(source)
        return out

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        return {"judge": self.judge, "maker": self.maker}

    def synthesise(self, batch: Batch) -> Outputs:
        self.called.append("synthesise")
        return Outputs(self(batch.source, batch.available))

    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        self.called.append(player)
        if player == "judge":
            return {"a": self.judge(outputs.synthetic.detach()).mean(), "b": 0 * self.judge.weight.sum()}
        return {"a": self.judge(outputs.synthetic).mean()}


@pytest.fixture
def fabric() -> Fabric:
    return Fabric(accelerator="cpu", devices=1)


def of(translator: Scalars, lr: float = 0.1) -> dict[str, Optimizer]:
    return {name: SGD(module.parameters(), lr=lr) for name, module in translator.players("train").items()}


BATCH = Batch(source=torch.full((2, 1), 5.0), available=torch.ones(2, 1))


def test_the_judge_steps_first_and_the_maker_meets_the_judge_that_has_stepped(fabric: Fabric) -> None:
    translator = Scalars()

    terms = step(fabric, translator, of(translator), BATCH)

    assert translator.called == ["synthesise", "judge", "maker"]
    # judge: d(judge * 10)/d judge = 10, so 3 - 1 = 2; maker: d(2 * maker * 5)/d maker = 10, so 2 - 1 = 1.
    assert translator.judge.weight.item() == pytest.approx(2.0)
    assert translator.maker.weight.item() == pytest.approx(1.0)
    assert {name: float(term) for name, term in terms.items()} == {
        "judge/a": 30.0,
        "judge/b": 0.0,
        "maker/a": 20.0,
    }
    assert not any(term.requires_grad for term in terms.values())


def test_no_gradient_reaches_another_player(fabric: Fabric) -> None:
    translator = Scalars()
    optimizers = of(translator)
    step(fabric, translator, optimizers, BATCH)

    # The judge's gradient is the one of its own pass: the maker's pass has added nothing to it.
    assert translator.judge.weight.grad is not None
    assert translator.judge.weight.grad.item() == pytest.approx(10.0)
    step(fabric, translator, optimizers, BATCH)
    assert translator.judge.weight.grad.item() == pytest.approx(5.0)


def test_gradients_are_clipped_by_player(fabric: Fabric) -> None:
    translator = Scalars()

    step(fabric, translator, of(translator, lr=1.0), BATCH, clip=0.5)

    assert translator.judge.weight.item() == pytest.approx(2.5, abs=1e-5)
    assert translator.maker.weight.item() == pytest.approx(1.5, abs=1e-5)


def test_terms_become_numbers(fabric: Fabric) -> None:
    terms = {"a/x": torch.tensor(0.5), "b/y": torch.tensor(0.25, dtype=torch.float64)}

    assert to_numbers(fabric, [terms], stop=True) == ([{"a/x": 0.5, "b/y": 0.25}], True)
    assert to_numbers(fabric, [terms], stop=False)[1] is False
    assert any_of(fabric, True)
    assert total_over_processes(fabric, torch.ones(2)).tolist() == [1, 1]


@pytest.mark.parametrize("world", [1, 2])
def test_steps_with_other_terms_are_read_together(fabric: Fabric, world: int) -> None:
    processes = fabric if world == 1 else cast(Fabric, Pair(rank=0))
    rows = [{"a/x": torch.tensor(0.5), "b/y": torch.tensor(0.25)}, {"a/x": torch.tensor(2.0)}]

    numbers, is_stopping = to_numbers(processes, rows, stop=False)

    assert numbers == [{"a/x": 0.5 * world, "b/y": 0.25 * world}, {"a/x": 2.0 * world}]
    assert not is_stopping


@pytest.mark.parametrize("clip", [None, 0.5])
def test_float16_undoes_its_scale(clip: float | None) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    scaled = Fabric(accelerator="cpu", devices=1, plugins=MixedPrecision("16-mixed", "cpu", scaler))
    plain = Fabric(accelerator="cpu", devices=1)
    weights = []
    for fabric in (scaled, plain):
        translator = Scalars()
        step(fabric, translator, of(translator), BATCH, clip=clip)
        weights.append([translator.judge.weight.item(), translator.maker.weight.item()])

    assert weights[0] == pytest.approx(weights[1], rel=1e-3)
    state = scaled.strategy.precision.state_dict()
    assert State.model_validate({"phase": "train", "scaler": state}).scaler == state


class Pair:
    """Two processes as one sees them, the other of which always has three times as much."""

    world_size = 2
    device = torch.device("cpu")

    def __init__(self, rank: int) -> None:
        self.global_rank = rank
        self.strategy = self

    def autocast(self) -> AbstractContextManager[None]:
        return nullcontext()

    def backward(self, loss: Tensor, **options: Any) -> None:  # noqa: ANN401
        loss.backward(**options)

    def optimizer_step(self, optimizer: Optimizer) -> None:
        optimizer.step()

    def all_reduce(self, values: Tensor, reduce_op: str) -> Tensor:
        return values * (2 if reduce_op == "mean" else 4)


def test_gradients_are_averaged_over_processes() -> None:
    translator = Scalars()
    translator.register_buffer("statistics", torch.tensor([1.0, 2.0]))
    translator.register_buffer("count", torch.tensor(7))

    step(cast(Fabric, Pair(rank=1)), translator, of(translator), BATCH)

    assert translator.judge.weight.item() == pytest.approx(1.0)
    assert translator.maker.weight.item() == pytest.approx(1.0)
    # The second process adds nothing to the buffers: what is left are the first one's.
    buffers = dict(translator.named_buffers())
    assert buffers["statistics"].tolist() == [0.0, 0.0]
    assert buffers["count"].item() == 7


def test_the_first_processs_buffers_hold() -> None:
    translator = Scalars()
    translator.register_buffer("statistics", torch.tensor([1.0, 2.0]))
    step(cast(Fabric, Pair(rank=0)), translator, of(translator), BATCH)

    assert dict(translator.named_buffers())["statistics"].tolist() == [4.0, 8.0]


def test_processes_agree_on_numbers_and_on_stopping() -> None:
    pair = cast(Fabric, Pair(rank=0))

    assert to_numbers(pair, [{"a/x": torch.tensor(0.5)}], stop=True) == ([{"a/x": 1.0}], True)
    assert to_numbers(pair, [{"a/x": torch.tensor(0.5)}], stop=False) == ([{"a/x": 1.0}], False)
    assert any_of(pair, True)
    assert not any_of(pair, False)
    assert total_over_processes(pair, torch.ones(2)).tolist() == [4, 4]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_loss_that_is_not_finite_is_named(value: float) -> None:
    check_finite({"generator/l1": 1.0}, "step 3")
    with pytest.raises(InputError, match=r"generator/ssim is .* at step 3") as caught:
        check_finite({"generator/l1": 1.0, "generator/ssim": value}, "step 3")
    assert caught.value.code == "E120"
    assert "training.players.generator.lr" in caught.value.remedy
