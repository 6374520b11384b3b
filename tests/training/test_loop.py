from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from transmodal import checkpoint
from transmodal.cohorts.store import Cohort
from transmodal.commands.train import train as train_command
from transmodal.data.loader import seed_of
from transmodal.errors import InputError, IntegrityError, ResourceError, UsageError
from transmodal.inference.load import load
from transmodal.nets.patchgan import PatchDiscriminator
from transmodal.recipes.schema import Recipe
from transmodal.training import loop, scoring, session
from transmodal.training.log import read
from transmodal.training.planning.plan import plan
from transmodal.training.train import train
from transmodal.translators import unet_regression
from transmodal.translators.unet_regression.translator import Config, UNetRegression
from transmodal.volumes import Volume

Tiny = Callable[..., Recipe]


class Heard:
    """Progress that is remembered."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.calls: list[tuple[str, int, int, str]] = []

    def advance(self, what: str, done: int, total: int, note: str = "") -> None:
        self.calls.append((what, done, total, note))

    def say(self, line: str) -> None:
        self.lines.append(line)


def last(run: Path) -> checkpoint.Checkpoint:
    return checkpoint.load(run / "checkpoints" / "last", optimizers=True)


def test_training_learns_and_leaves_a_run(tiny: Tiny, cohort: Cohort, run_folder: Path) -> None:
    heard = Heard()
    recipe = tiny(epochs=6, players={"generator": {"lr": 0.01, "schedule": "one_cycle"}})

    result = train(recipe, cohort, run_folder, progress=heard)

    points = read(run_folder / "curves.csv")
    maes = [point.value for point in points if point.name == "validation/mae"]
    assert result.best == min(maes)
    assert result.best < 0.75 * maes[0]
    assert result.steps == 6 * 18
    assert [call[1] for call in heard.calls if call[0] == "train"] == list(range(1, 109))
    assert {call[2] for call in heard.calls if call[0] == "train"} == {108}
    assert [call[1:3] for call in heard.calls if call[0] == "validate"] == [(1, 2), (2, 2)] * 6
    assert len(heard.lines) == 6
    assert "(best)" in heard.lines[0]
    assert "trained 108 steps" in result.line()
    assert {path.name for path in (run_folder / "checkpoints").iterdir()} == {"last", "last.previous", "best"}
    names = {point.name for point in points}
    assert {"loss/generator/l1", "loss/generator/ssim", "lr/generator", "validation/psnr"} <= names
    assert [point.step for point in points if point.name == "lr/generator"] == list(range(3, 109, 3))


def test_the_best_checkpoint_is_the_best(tiny: Tiny, cohort: Cohort, run_folder: Path) -> None:
    train(tiny(epochs=3, validate_every=2), cohort, run_folder)

    validations = {p.epoch: p.value for p in read(run_folder / "curves.csv") if p.name == "validation/mae"}
    best = checkpoint.load(run_folder / "checkpoints" / "best")
    assert set(validations) == {2, 3}
    assert best.state.best == min(validations.values())
    assert best.state.epoch == min(validations, key=lambda epoch: validations[epoch])
    assert best.optimizers == {}
    assert last(run_folder).state.finished
    assert not best.state.finished


def test_translating_takes_no_smaller_windows_than_training(
    tiny: Tiny, cohort: Cohort, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statistics and positions depend on the padding around a slice: what a network learned with, it is given."""
    train(tiny(epochs=1, samples_per_epoch=4), cohort, run_folder)
    assert plan(tiny(), cohort).stream.cutting.size == (20, 20)
    seen: list[tuple[int, ...]] = []
    forward = UNetRegression.forward

    def watched(self: UNetRegression, source: Tensor, *rest: Any, **more: Any) -> Tensor:  # noqa: ANN401
        seen.append(tuple(source.shape[2:]))
        return forward(self, source, *rest, **more)

    monkeypatch.setattr(UNetRegression, "forward", watched)
    for shape, sides in {(9, 8, 3): (20, 20), (33, 9, 2): (36, 20)}.items():
        seen.clear()
        made = load(run_folder, device="cpu").translate(
            Volume(np.ones(shape, np.float32), np.eye(4)), axes=("z",)
        )
        assert set(seen) == {sides}
        assert made.volume.voxels.shape == shape
        assert made.record["windows"] == {"kind": "slice", "size": [20, 20]}
        larger = [
            note for note in made.record["notes"] if "larger than the windows of training, 20 x 20" in note
        ]
        assert len(larger) == (sides != (20, 20))


def test_pictures_show_source_synthetic_and_target(tiny: Tiny, cohort: Cohort, run_folder: Path) -> None:
    train(tiny(epochs=1), cohort, run_folder)

    with Image.open(run_folder / "samples" / "train-epoch-0001.png") as image:
        pixels = np.asarray(image)
    assert pixels.shape[0] % 3 == 0
    source, synthetic, target = np.split(pixels, 3)
    assert source.std() > 10
    assert target.std() > 10
    assert not np.array_equal(synthetic, target)


def test_colour_is_pictured_and_scored(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any], run_folder: Path
) -> None:
    coloured = make_cohort([phantom(n, colour=True) for n in range(3)], (1, 1, 1))
    recipe = tiny(changes={"task": {"source": ["t1"], "target": "colour"}}, epochs=1)

    assert train(recipe, coloured, run_folder).best is not None
    with Image.open(run_folder / "samples" / "train-epoch-0001.png") as image:
        assert image.mode == "RGB"


def test_an_mr_target_is_judged_in_reference_units(tiny: Tiny, cohort: Cohort, run_folder: Path) -> None:
    task = {"source": ["t1"], "target": "t2"}
    result = train(tiny(changes={"task": task}, epochs=1), cohort, run_folder)
    target_map = last(run_folder).target_map

    assert target_map.low is not None
    assert target_map.high is not None
    assert result.best is not None
    assert 0 < result.best < target_map.high - target_map.low


def test_z_scores_have_the_primary_metric_alone(tiny: Tiny, cohort: Cohort, run_folder: Path) -> None:
    changes = {
        "task": {"source": ["t1"], "target": "t2"},
        "data": {"intensity": {"t2": {"method": "zscore"}}},
    }
    train(tiny(changes=changes, epochs=1), cohort, run_folder)

    names = {point.name for point in read(run_folder / "curves.csv") if point.name.startswith("validation")}
    assert names == {"validation/mae"}


def test_without_a_mask_everything_is_judged(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any], run_folder: Path
) -> None:
    bare = make_cohort([phantom(n, with_mask=False) for n in range(3)], (1, 1, 1))

    assert train(tiny(epochs=1), bare, run_folder).best is not None


def test_without_validation_cases_there_is_a_last_checkpoint(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any], run_folder: Path
) -> None:
    blind = make_cohort([phantom(n) for n in range(2)], (1, 0, 1))

    result = train(tiny(epochs=1), blind, run_folder)

    assert result.best is None
    assert "best" not in result.line()
    assert last(run_folder).state.finished
    assert not (run_folder / "checkpoints" / "best").exists()


def test_early_stopping_counts_validations(
    tiny: Tiny, cohort: Cohort, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = iter([3.0, 2.0, 2.5, 2.0, 1.0])
    real = scoring.score_case

    def staged(*words: Any) -> tuple[dict[str, float], Any]:  # noqa: ANN401
        figures, synthetic = real(*words)
        return {**figures, "mae": values_now[0]}, synthetic

    values_now = [next(values)]
    heard = Heard()
    heard.say = lambda line: (heard.lines.append(line), values_now.__setitem__(0, next(values)))[0]  # type: ignore[method-assign]  # one value per validation
    monkeypatch.setattr(scoring, "score_case", staged)

    result = train(
        tiny(epochs=9, samples_per_epoch=4, early_stopping={"patience": 2}),
        cohort,
        run_folder,
        progress=heard,
    )

    state = last(run_folder).state
    assert (result.best, result.steps) == (2.0, 4)
    assert (state.best_step, state.stale, state.phase_ended, state.finished) == (2, 2, True, True)
    assert heard.lines[-1].endswith("no better for 2 validations, stopping")


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


def test_weights_that_are_not_finite_are_not_saved(
    tiny: Tiny, cohort: Cohort, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = loop.step

    def poison(fabric: Any, translator: nn.Module, *words: Any, **named: Any) -> Any:  # noqa: ANN401
        terms = real(fabric, translator, *words, **named)  # type: ignore[arg-type]  # passed on
        with torch.no_grad():
            next(translator.parameters()).fill_(float("nan"))
        return terms

    monkeypatch.setattr(loop, "step", poison)
    with pytest.raises(InputError, match="is not finite after step 1") as caught:
        train(tiny(checkpoint_minutes=0), cohort, run_folder)
    assert caught.value.code == "E120"
    assert not (run_folder / "checkpoints" / "last").exists()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_memory_that_runs_out_names_the_remedy(
    tiny: Tiny, cohort: Cohort, run_folder: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*_: Any, **__: Any) -> None:  # noqa: ANN401
        raise error

    monkeypatch.setattr(loop, "step", fail)
    with pytest.raises(ResourceError, match="4 windows per step") as caught:
        train(tiny(), cohort, run_folder)
    assert caught.value.code == "E402"
    assert "training.batch=2" in caught.value.remedy


def test_another_error_is_let_through(
    tiny: Tiny, cohort: Cohort, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:  # noqa: ANN401
        raise RuntimeError("a bug")

    monkeypatch.setattr(loop, "step", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        train(tiny(), cohort, run_folder)


def test_what_the_caller_asks_for_is_checked_and_recorded(
    tiny: Tiny, cohort: Cohort, run_folder: Path
) -> None:
    with pytest.raises(UsageError, match=r"training\.precision"):
        train_command(tiny(), cohort, run_folder, precision="8-bit")
    with pytest.raises(UsageError, match="does not divide"):
        train_command(tiny(), cohort, run_folder, processes=3)
    recipe = tiny(samples_per_epoch=4, epochs=1)
    train_command(recipe, cohort, run_folder, precision="bf16-mixed", device="cpu")

    assert last(run_folder).recipe.training.precision == "bf16-mixed"


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


class Encoder:
    """A frozen network."""

    def __init__(self, digest: str) -> None:
        self.moved_to: torch.device | None = None
        self._digest = digest

    def check(self) -> None:
        pass

    def count(self) -> int:
        return 0

    def to(self, device: torch.device) -> Encoder:
        self.moved_to = device
        return self

    def digest(self) -> str:
        return self._digest


def test_frozen_networks_are_moved_recorded_and_held_to(
    tiny: Tiny, cohort: Cohort, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = Encoder("aa")
    monkeypatch.setattr(UNetRegression, "frozen", lambda self: {"sam": encoder})
    train(tiny(epochs=1, samples_per_epoch=4), cohort, run_folder)
    assert encoder.moved_to == torch.device("cpu")
    assert last(run_folder).frozen == {"sam": "aa"}

    unfinish(run_folder)
    monkeypatch.setattr(UNetRegression, "frozen", lambda self: {"sam": Encoder("bb")})
    with pytest.raises(IntegrityError, match="frozen network sam") as caught:
        train(tiny(epochs=1, samples_per_epoch=4), cohort, run_folder)
    assert caught.value.code == "E501"


def unfinish(run: Path) -> None:
    saved = last(run)
    state = saved.state.model_copy(update={"finished": False})
    values = {name: getattr(saved, name) for name in saved.__slots__}
    checkpoint.save(run / "checkpoints" / "last", checkpoint.Checkpoint(**{**values, "state": state}))


def test_other_versions_are_said(
    tiny: Tiny,
    cohort: Cohort,
    run_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    recipe = tiny(epochs=1, samples_per_epoch=4)
    train(recipe, cohort, run_folder)
    unfinish(run_folder)
    monkeypatch.setattr(session, "versions", lambda: {"torch": "9.9"})

    train(recipe, cohort, run_folder)

    assert "not to the very same numbers" in caplog.text


def test_building_and_training_leave_the_global_numbers_alone(
    tiny: Tiny, cohort: Cohort, run_folder: Path
) -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    train(tiny(epochs=1, samples_per_epoch=4), cohort, run_folder)

    assert torch.random.get_rng_state().equal(before)


def test_the_seed_decides_the_weights(tiny: Tiny, cohort: Cohort, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(tiny(epochs=1, samples_per_epoch=4, seed=seed), cohort, tmp_path / name)
    a, b, c = (last(tmp_path / name).weights for name in "abc")

    assert all(a[key].equal(b[key]) for key in a)
    assert any(not a[key].equal(c[key]) for key in a)


def test_a_mean_is_finite_or_nothing() -> None:
    assert scoring.mean([1.0, 2.0]) == 1.5
    assert scoring.mean([1.0, float("inf")]) > 1e300
    assert np.isnan(scoring.mean([1.0, float("nan")]))
