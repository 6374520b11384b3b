"""Training from published weights: they are loaded once, recorded, and needed no more from then on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from transmodal import checkpoint
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, IntegrityError, TransmodalError, UsageError
from transmodal.evaluation.request import EvaluationRequest
from transmodal.evaluation.run import evaluate
from transmodal.evaluation.runs import TranslationOptions
from transmodal.inference.load import load
from transmodal.recipes.schema import Recipe
from transmodal.training import loop
from transmodal.training.planning.plan import plan
from transmodal.training.train import train

Tiny = Callable[..., Recipe]
SETTINGS = {"width": 2, "global_features": False, "adversarial_weight": 0}
PUBLISHED = "vgg16-397923af.pth of https://download.pytorch.org/models (BSD-3-Clause)"


@pytest.fixture(scope="module")
def coloured(make_cohort: Callable[..., Cohort], phantom: Callable[..., Any]) -> Cohort:
    return make_cohort([phantom(n, colour=True) for n in range(4)], (2, 1, 1))


@pytest.fixture
def vgg(tmp_path: Path) -> Path:
    return _vgg(tmp_path / "vgg16.pth")


def _vgg(path: Path, seed: int = 0) -> Path:
    """Write what the published file holds, two channels wide and without its classifier."""
    torch.manual_seed(seed)
    content, before, place = {}, 3, 0
    for times, count in ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3)):
        for _ in range(count):
            content[f"features.{place}.weight"] = 0.2 * torch.randn(2 * times, before, 3, 3)
            content[f"features.{place}.bias"] = 0.2 * torch.randn(2 * times)
            before, place = 2 * times, place + 2
        place += 1
    torch.save(content, path)
    return path


@pytest.fixture
def recipe(tiny: Tiny) -> Callable[..., Recipe]:
    def make(backbone: Path | None, **training: Any) -> Recipe:  # noqa: ANN401
        given = {} if backbone is None else {"backbone": str(backbone)}
        changes = {
            "task": {"source": ["t1"], "target": "colour"},
            "windows": {"axes": ["z"], "size": [24, 24]},
            "settings": {**SETTINGS, **given},
        }
        return tiny("chromagan", changes=changes, samples_per_epoch=8, **training)

    return make


def _last(run: Path) -> checkpoint.Checkpoint:
    return checkpoint.load(run / "checkpoints" / "last", optimizers=True)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Bang:
    """Ends a training in its third step."""

    def advance(self, what: str, done: int, total: int, note: str = "") -> None:
        if what == "train" and done == 3:
            raise RuntimeError("bang")

    def say(self, line: str) -> None:
        pass


def test_training_begins_at_the_weights_of_the_file(
    recipe: Callable[..., Recipe], coloured: Cohort, vgg: Path, run_folder: Path
) -> None:
    still = {"generator": {"lr": 1e-12, "betas": [0.0, 0.0], "weight_decay": 0.0}}
    train(recipe(vgg, epochs=1, players=still), coloured, run_folder)
    published = torch.load(vgg, weights_only=True)
    weights = _last(run_folder).weights
    for place in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21):
        for part in ("weight", "bias"):
            ours, theirs = weights[f"generator.encoder.{place}.{part}"], published[f"features.{place}.{part}"]
            assert torch.allclose(ours, theirs, atol=1e-9)


def test_a_run_that_goes_on_needs_the_file_no_more_and_comes_to_the_same_weights(
    recipe: Callable[..., Recipe], coloured: Cohort, vgg: Path, tmp_path: Path
) -> None:
    asked = recipe(vgg, checkpoint_minutes=0)
    train(asked, coloured, tmp_path / "whole")
    with pytest.raises(RuntimeError, match="bang"):
        train(asked, coloured, tmp_path / "again", progress=Bang())
    digest = _digest(vgg)
    vgg.unlink()
    train(asked, coloured, tmp_path / "again")
    assert train(asked, coloured, tmp_path / "again").was_finished

    whole, again = _last(tmp_path / "whole"), _last(tmp_path / "again")
    assert whole.state.step == again.state.step == 4
    assert all(whole.weights[key].equal(again.weights[key]) for key in whole.weights)
    assert whole.starting_weights == again.starting_weights == {"backbone": digest}
    scratch = recipe(None)
    train(scratch, coloured, tmp_path / "scratch")
    first = "generator.encoder.0.weight"
    assert not whole.weights[first].equal(_last(tmp_path / "scratch").weights[first])


def test_what_training_starts_from_is_recorded(
    recipe: Callable[..., Recipe], coloured: Cohort, vgg: Path, tmp_path: Path
) -> None:
    for name, path in (("given", vgg), ("scratch", None)):
        train(recipe(path, epochs=1), coloured, tmp_path / name)
        start = "from scratch" if path is None else _digest(vgg)
        record = json.loads((tmp_path / name / "run.json").read_text(encoding="utf-8"))
        assert record["plan"]["starting_weights"] == {"backbone": {"sha256": start, "published": PUBLISHED}}
        vgg.unlink(missing_ok=True)
        model = load(tmp_path / name, device="cpu")
        assert model.provenance["starting_weights"] == {"backbone": start}
        evaluate(
            {name: tmp_path / name},
            coloured,
            EvaluationRequest(translation=TranslationOptions(device="cpu")),
            output=tmp_path / name / "evaluation",
        )
        page = (tmp_path / name / "evaluation" / "report.html").read_text(encoding="utf-8")
        assert f"Starting weights of {name}</dt><dd>backbone {start}" in page
        table = (tmp_path / name / "evaluation" / "evaluation.md").read_text(encoding="utf-8")
        scratch = f"From scratch, where the paper starts from published weights: {name}."
        given = f"Started from published weights: {name} (SHA-256 {start[:12]})."
        assert (scratch in table, given in table) == (path is None, path is not None)


def test_a_checkpoint_from_before_says_from_scratch(
    recipe: Callable[..., Recipe], coloured: Cohort, run_folder: Path
) -> None:
    train(recipe(None, epochs=1), coloured, run_folder)
    saved = _last(run_folder)
    values = {name: getattr(saved, name) for name in saved.__slots__}
    checkpoint.save(
        run_folder / "checkpoints" / "last", checkpoint.Checkpoint(**{**values, "starting_weights": {}})
    )
    assert load(run_folder, checkpoint="last").provenance["starting_weights"] == {"backbone": "from scratch"}


@pytest.mark.parametrize("damage", ["gone", "text", "cut", "short"])
def test_a_file_that_does_not_do_is_refused_before_anything_is_written(
    recipe: Callable[..., Recipe], coloured: Cohort, vgg: Path, run_folder: Path, damage: str
) -> None:
    if damage == "gone":
        vgg.unlink()
    elif damage == "short":
        torch.save({"features.0.weight": torch.ones(2, 3, 3, 3)}, vgg)
    else:
        vgg.write_bytes(b"not found" if damage == "text" else vgg.read_bytes()[:500])
    kinds: dict[str, tuple[type[TransmodalError], str]] = {
        "gone": (InputError, "E100"),
        "text": (InputError, "E101"),
        "cut": (InputError, "E101"),
        "short": (IntegrityError, "E502"),
    }
    kind, code = kinds[damage]
    for refused in (
        lambda: plan(recipe(vgg), coloured),
        lambda: train(recipe(vgg), coloured, run_folder),
    ):
        with pytest.raises(kind) as found:
            refused()
        assert found.value.code == code
    assert not run_folder.exists()
    assert plan(recipe(vgg), coloured, begins=False).starting_weights == {}


def test_a_run_that_saved_nothing_yet_is_begun_again_from_the_same_file_only(
    recipe: Callable[..., Recipe],
    coloured: Cohort,
    vgg: Path,
    run_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any, **__: Any) -> None:  # noqa: ANN401
        raise RuntimeError("killed")

    with monkeypatch.context() as broken:
        broken.setattr(loop, "step", fail)
        with pytest.raises(RuntimeError, match="killed"):
            train(recipe(vgg), coloured, run_folder)
    content = vgg.read_bytes()
    _vgg(vgg, seed=1)
    with pytest.raises(UsageError, match="other weights") as found:
        train(recipe(vgg), coloured, run_folder)
    assert found.value.code == "E005"
    vgg.write_bytes(content)
    assert train(recipe(vgg, epochs=2), coloured, run_folder).steps == 4
