"""Acceleration: the layout, the compiler and the products that a training asks for, and no longer than it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from transmodal import checkpoint
from transmodal.cohorts.store import Cohort
from transmodal.recipes.schema import Recipe
from transmodal.training.acceleration import lay_out_channels_last, set_tf32
from transmodal.training.train import train

Tiny = Callable[..., Recipe]


class Bang:
    def advance(self, stage: str, completed: int, total: int, note: str = "") -> None:
        if stage == "train" and completed == 3:
            raise RuntimeError("bang")

    def say(self, line: str) -> None:
        pass


def weights_of(run: Path) -> dict[str, torch.Tensor]:
    return dict(checkpoint.load(run / "checkpoints" / "last").weights)


def test_weights_lie_channels_last_and_keep_their_values() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv3d(3, 4, 3), nn.Linear(3, 4))
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}

    lay_out_channels_last(module)

    plane, volume, _ = module
    assert plane.weight.is_contiguous(memory_format=torch.channels_last)
    assert volume.weight.is_contiguous(memory_format=torch.channels_last_3d)
    assert all(tensor.equal(before[name]) for name, tensor in module.state_dict().items())


def test_channels_last_computes_the_same_but_for_rounding_and_goes_on_to_the_same_bits(
    tiny: Tiny, cohort: Cohort, tmp_path: Path
) -> None:
    settings = {"samples_per_epoch": 8, "checkpoint_minutes": 0}
    recipe = tiny("pix2pix", channels_last=True, **settings)
    train(recipe, cohort, tmp_path / "whole")
    with pytest.raises(RuntimeError, match="bang"):
        train(recipe, cohort, tmp_path / "again", progress=Bang())
    train(recipe, cohort, tmp_path / "again")
    train(tiny("pix2pix", **settings), cohort, tmp_path / "usual")

    whole, again, usual = (weights_of(tmp_path / name) for name in ("whole", "again", "usual"))
    assert all(whole[name].equal(again[name]) for name in whole)
    for name, tensor in usual.items():
        torch.testing.assert_close(whole[name], tensor, rtol=0, atol=1e-3)


def test_the_players_are_compiled_where_it_is_asked_for(
    tiny: Tiny, cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []
    monkeypatch.setattr(nn.Module, "compile", lambda module: compiled.append(type(module).__name__))
    train(tiny("pix2pix", epochs=1, samples_per_epoch=4), cohort, tmp_path / "plain")
    assert compiled == []
    train(tiny("pix2pix", epochs=1, samples_per_epoch=4, compile=True), cohort, tmp_path / "compiled")
    assert compiled == ["PatchDiscriminator", "UNetGenerator"]


@pytest.mark.parametrize(
    ("setting", "convolutions", "products"),
    [("none", False, False), ("convolutions", True, False), ("all", True, True)],
)
def test_tf32_holds_as_long_as_the_training(
    tiny: Tiny, setting: str, convolutions: bool, products: bool
) -> None:
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    with set_tf32(tiny(tf32=setting).training):
        assert torch.backends.cudnn.allow_tf32 is convolutions
        assert torch.backends.cuda.matmul.allow_tf32 is products
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == before
