"""The loop: phases, their players, and the stops between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from torch import nn

from transmodal import checkpoint
from transmodal.cohorts.store import Cohort
from transmodal.data.loader import seed_of
from transmodal.errors import InputError
from transmodal.nets.patchgan import PatchDiscriminator
from transmodal.recipes.schema import Recipe
from transmodal.training.log import read
from transmodal.training.train import train
from transmodal.translators import unet_regression
from transmodal.translators.unet_regression.translator import Config, UNetRegression

Tiny = Callable[..., Recipe]


def last(run: Path) -> checkpoint.Checkpoint:
    return checkpoint.load(run / "checkpoints" / "last", optimizers=True)


class TwoPhases(UNetRegression):
    """Trains its stem first, then all of it."""

    phases = ("stem", "whole")

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        return {"generator": self.generator.stem if phase == "stem" else self.generator}


@pytest.fixture
def two_phases(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(config: Config) -> TwoPhases:
        return TwoPhases(config)

    monkeypatch.setattr(unet_regression, "build", build)


@pytest.mark.usefixtures("two_phases")
def test_phases_follow_one_another_with_players_of_their_own(
    tiny: Tiny, cohort: Cohort, run_folder: Path, tmp_path: Path
) -> None:
    class Bang:
        def advance(self, what: str, done: int, total: int, note: str = "") -> None:
            if what == "train" and done == 9:
                raise RuntimeError("bang")

        def say(self, line: str) -> None:
            pass

    recipe = tiny(phases={"stem": {"epochs": 3}}, samples_per_epoch=8, checkpoint_minutes=0)
    result = train(recipe, cohort, run_folder)
    assert result.steps == 2 * 3 + 2 * 2
    points = read(run_folder / "curves.csv")
    assert [p.phase for p in points if p.name == "validation/mae"] == ["stem"] * 3 + ["whole"] * 2
    stem_only = checkpoint.previous(run_folder / "checkpoints" / "last")
    assert stem_only.exists()
    assert any("/down." in name for name in last(run_folder).optimizers)

    # Interrupted in the second phase, it takes up the second phase's optimisers.
    with pytest.raises(RuntimeError, match="bang"):
        train(recipe, cohort, tmp_path / "again", progress=Bang())
    train(recipe, cohort, tmp_path / "again")
    weights, again = last(run_folder).weights, last(tmp_path / "again").weights
    assert all(weights[key].equal(again[key]) for key in weights)


@pytest.mark.parametrize("stop", [2, 3])
def test_resvits_new_discriminator_is_the_same_however_often_it_is_begun(
    tiny: Tiny, cohort: Cohort, tmp_path: Path, stop: int
) -> None:
    """Stopped at the end of the first phase, before the new one is drawn, or behind it."""

    class Bang:
        def advance(self, what: str, done: int, total: int, note: str = "") -> None:
            if what == "train" and done == stop:
                raise RuntimeError("bang")

        def say(self, line: str) -> None:
            pass

    settings = {"width": 2, "blocks": 1, "transformer_blocks": [0], "depth": 1, "channels": 4, "heads": 1}
    changes = {"windows": {"axes": ["z"], "size": [32, 32]}, "settings": settings}
    recipe = tiny("resvit", changes=changes, epochs=1, samples_per_epoch=8, checkpoint_minutes=0)
    train(recipe, cohort, tmp_path / "whole")
    with pytest.raises(RuntimeError, match="bang"):
        train(recipe, cohort, tmp_path / "again", progress=Bang())
    train(recipe, cohort, tmp_path / "again")
    weights, again = last(tmp_path / "whole").weights, last(tmp_path / "again").weights
    assert all(weights[key].equal(again[key]) for key in weights)

    # One step of a new optimiser at 2e-4 leaves new weights all but as they were drawn.
    first = checkpoint.load(tmp_path / "whole" / "checkpoints" / "last").state
    assert (first.phase, first.step) == ("transformer", 4)
    torch.manual_seed(seed_of(recipe.training.seed, "weights", "transformer"))
    fresh = PatchDiscriminator(2, 2, "batch").state_dict()
    for name, one in fresh.items():
        assert (weights[f"discriminator.{name}"] - one).abs().max() < 2 * 2.1e-4, name


@pytest.mark.usefixtures("two_phases")
def test_only_a_phases_players_learn(tiny: Tiny, cohort: Cohort, run_folder: Path) -> None:
    class Bang:
        def advance(self, what: str, done: int, total: int, note: str = "") -> None:
            if what == "train" and done == 5:
                raise RuntimeError("bang")

        def say(self, line: str) -> None:
            pass

    with pytest.raises(RuntimeError, match="bang"):
        train(tiny(samples_per_epoch=8, checkpoint_minutes=0), cohort, run_folder, progress=Bang())
    saved = checkpoint.load(checkpoint.previous(run_folder / "checkpoints" / "last"), optimizers=True)
    assert saved.state.phase == "stem"
    assert {name.split("/")[1] for name in saved.optimizers} == {"weight", "bias"}


def test_a_loss_that_explodes_stops_with_the_term_and_keeps_the_checkpoint(
    tiny: Tiny, cohort: Cohort, run_folder: Path
) -> None:
    recipe = tiny(epochs=3, players={"generator": {"lr": 1e30}}, checkpoint_minutes=0)

    with pytest.raises(InputError, match=r"loss generator/l1 is (nan|inf)") as caught:
        train(recipe, cohort, run_folder)
    assert caught.value.code == "E120"
    assert "epoch 1" in caught.value.got
    assert all(torch.isfinite(tensor).all() for tensor in last(run_folder).weights.values())


@pytest.mark.parametrize("translator", ["unet_regression", "pix2pix"])
def test_bfloat16_goes_on_like_float32(tiny: Tiny, cohort: Cohort, tmp_path: Path, translator: str) -> None:
    recipe = tiny(translator, samples_per_epoch=8, precision="bf16-mixed", checkpoint_minutes=0)

    class Bang:
        def advance(self, what: str, done: int, total: int, note: str = "") -> None:
            if what == "train" and done == 3:
                raise RuntimeError("bang")

        def say(self, line: str) -> None:
            pass

    train(recipe, cohort, tmp_path / "whole")
    with pytest.raises(RuntimeError, match="bang"):
        train(recipe, cohort, tmp_path / "again", progress=Bang())
    train(recipe, cohort, tmp_path / "again")

    whole, again = last(tmp_path / "whole"), last(tmp_path / "again")
    assert all(whole.weights[key].equal(again.weights[key]) for key in whole.weights)
    assert all(tensor.dtype == torch.float32 for key, tensor in whole.weights.items() if "num_" not in key)
