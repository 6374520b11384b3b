"""What batch normalisation takes while translating: one window's own statistics, or training's running averages."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from transmodal import checkpoint, translators
from transmodal.checkpoint import manifest
from transmodal.cli import run
from transmodal.cohorts.store import Cohort
from transmodal.errors import UsageError
from transmodal.evaluation.compare.compare import compare
from transmodal.evaluation.request import EvaluationRequest, ScoringOptions
from transmodal.evaluation.run import evaluate
from transmodal.evaluation.runs import TranslationOptions
from transmodal.inference.load import load
from transmodal.inference.model import Model
from transmodal.inference.passes import Passes
from transmodal.inference.synthesis import synthesise_case
from transmodal.nets.blocks import BatchNorm2d
from transmodal.nets.meta import shapes_alone
from transmodal.recipes.schema import Recipe
from transmodal.training.scoring import score_case
from transmodal.training.train import train

Tiny = Callable[..., Recipe]
PUBLISHED = {
    "pix2pix": "batch_statistics",
    "resvit": "batch_statistics",
    "transunet": "running",
    "chromagan": "running",
    "colorformer": "running",
    "ddcolor": "running",
}
"""What each translator's published test does; the others have no batch normalisation in their generators."""


@pytest.fixture(scope="module")
def trained(tiny: Tiny, cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "pix2pix"
    train(tiny("pix2pix", epochs=2), cohort, folder)
    return folder


def aged(folder: Path) -> None:
    """Make a run one from before the settings: its checkpoints lack `translate_with`, and its record `jitter`."""
    record = json.loads((folder / "run.json").read_text())
    assert record["recipe"]["training"]["augment"].pop("jitter") is None
    (folder / "run.json").write_text(json.dumps(record))
    for place in (folder / "checkpoints").iterdir():
        content = json.loads((place / checkpoint.MANIFEST).read_text())["content"]
        assert content["translator_config"].pop("translate_with") == "batch_statistics"
        (place / checkpoint.MANIFEST).write_bytes(manifest.seal(content))


def interrupted(folder: Path) -> None:
    """Make a finished run one that stopped before its first epoch's end."""
    for place in (folder / "checkpoints").iterdir():
        content = json.loads((place / checkpoint.MANIFEST).read_text())["content"]
        content["state"] |= {"finished": False, "epoch": 0}
        (place / checkpoint.MANIFEST).write_bytes(manifest.seal(content))


def voxels(model: Model, cohort: Cohort, batch: int = 8) -> np.ndarray[Any, Any]:
    (case,) = cohort.cases("test")
    preprocessing = replace(model.preprocessing, batch=batch)
    return synthesise_case(model.engine, preprocessing, case).volume.voxels


def test_what_each_published_test_does_is_the_default() -> None:
    found = {}
    for name in translators.names():
        with shapes_alone():
            chosen = translators.build(name, {}).translates_with()
        if "translate_with" in translators.config_of(name).model_fields:
            found[name] = chosen
    assert found == PUBLISHED


@pytest.mark.parametrize("statistics", ["batch_statistics", "running"])
def test_nothing_depends_on_how_windows_are_batched(trained: Path, cohort: Cohort, statistics: Any) -> None:  # noqa: ANN401
    model = load(trained, device="cpu").with_statistics(statistics)
    before = {name: buffer.clone() for name, buffer in model.translator.named_buffers()}
    first, *others = (voxels(model, cohort, batch) for batch in (1, 3, 8))
    for one in others:
        np.testing.assert_allclose(one, first, rtol=0, atol=1e-6)
    after = dict(model.translator.named_buffers())
    assert all(torch.equal(after[name], buffer) for name, buffer in before.items())
    assert any(name.endswith("running_mean") for name in before)


def test_the_two_are_two(trained: Path, cohort: Cohort) -> None:
    model = load(trained, device="cpu")
    own, running = voxels(model, cohort), voxels(model.with_statistics("running"), cohort)
    assert np.abs(own - running).max() > 1e-3
    # The model itself is as it was, and back again it is the same.
    np.testing.assert_array_equal(voxels(model, cohort), own)
    again = model.with_statistics("running").with_statistics("batch_statistics")
    np.testing.assert_array_equal(voxels(again, cohort), own)
    assert model.with_statistics(None) is model


def test_own_statistics_are_those_of_training_mode_on_one_window(trained: Path) -> None:
    """The right values: the published test, which stays in training mode, on one window at a time, without dropout."""
    model = load(trained, device="cpu")
    sides = model.preprocessing.cutting.size
    assert sides is not None
    windows = torch.rand(3, 1, *sides) * 2 - 1
    with torch.no_grad():
        together = model.translator(windows, torch.ones(3, 1))
        published = load(trained, device="cpu").translator.train()
        alone = torch.cat([published(one[None], torch.ones(1, 1)) for one in windows])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)


def test_validation_in_training_takes_the_same(tiny: Tiny, trained: Path, cohort: Cohort) -> None:
    """The best checkpoint's figure is what validation gives, and not what running averages give."""
    from transmodal.training.planning.plan import plan

    model = load(trained, device="cpu")
    planned = plan(tiny("pix2pix", epochs=2), cohort)
    best = checkpoint.load(trained / "checkpoints" / "best").state.best
    for statistics, equal in (("batch_statistics", True), ("running", False)):
        translator = model.with_statistics(statistics).translator  # type: ignore[arg-type]
        figures = [
            score_case(translator, planned, case, model.device)[0]["mae"]
            for case in cohort.cases("validation")
        ]
        assert (sum(figures) / len(figures) == pytest.approx(best, rel=1e-6)) is equal


def test_a_checkpoint_from_before_goes_on_with_running_averages(
    tiny: Tiny, cohort: Cohort, run_folder: Path
) -> None:
    train(tiny("pix2pix", epochs=1), cohort, run_folder)
    new = load(run_folder, device="cpu")
    aged(run_folder)
    old = load(run_folder, device="cpu")
    assert old.translator.translates_with() == "running"
    np.testing.assert_array_equal(voxels(old, cohort), voxels(new.with_statistics("running"), cohort))
    assert old.with_statistics("batch_statistics").translator.translates_with() == "batch_statistics"

    # An interrupted run from before: what goes on keeps what it was begun with.
    interrupted(run_folder)
    train(tiny("pix2pix", epochs=1), cohort, run_folder)
    assert (
        checkpoint.load(run_folder / "checkpoints" / "last").translator_config["translate_with"] == "running"
    )


def test_one_run_is_scored_both_ways_and_compared(trained: Path, cohort: Cohort, tmp_path: Path) -> None:
    for folder, passes in (("own", Passes()), ("running", Passes(translate_with="running"))):
        evaluate(
            [trained],
            cohort,
            EvaluationRequest(
                translation=TranslationOptions(passes=passes), scoring=ScoringOptions(oracles=())
            ),
            output=tmp_path / folder,
        )
    table = compare([tmp_path / "own", tmp_path / "running"])
    assert {one.name for one in table.rows} == {"pix2pix", "pix2pix, normalised by running averages"}
    means = {one.name: one.description.mean for one in table.rows}
    assert len(set(means.values())) == 2
    record = json.loads((tmp_path / "running" / "evaluation.json").read_text())["provenance"]["models"]
    (passes,) = [one["passes"] for one in record.values()]
    assert (passes["translate_with"], passes["recipe"]["translate_with"]) == ("running", "batch_statistics")


def test_the_command_scores_with_running_averages(trained: Path, cohort: Cohort, tmp_path: Path) -> None:
    line = ["evaluate", str(trained), "--cohort", str(cohort.folder), "--oracles", "none", "--device", "cpu"]
    assert run([*line, "--translate-with", "running", "-o", str(tmp_path / "out")]) == 0
    written = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert list(written["provenance"]["models"]) == ["pix2pix, normalised by running averages"]


def test_what_has_no_batch_normalisation_has_nothing_to_choose(
    tiny: Tiny, cohort: Cohort, run_folder: Path
) -> None:
    recipe = tiny("pix2pix", epochs=1, samples_per_epoch=4)
    recipe = recipe.model_copy(update={"settings": {**recipe.settings, "norm": "instance"}})
    train(recipe, cohort, run_folder)
    model = load(run_folder, device="cpu")
    assert model.translator.translates_with() is None
    with pytest.raises(UsageError, match="no batch normalisation") as caught:
        evaluate(
            [run_folder],
            cohort,
            EvaluationRequest(
                translation=TranslationOptions(passes=Passes(translate_with="running")),
                scoring=ScoringOptions(oracles=()),
            ),
        )
    assert caught.value.code == "E004"


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_every_batch_normalisation_of_a_generator_obeys(name: str) -> None:
    for statistics in ("batch_statistics", "running"):
        with shapes_alone():
            translator = translators.build(name, {"translate_with": statistics})
        layers = [
            part for part in translator.modules() if isinstance(part, torch.nn.BatchNorm2d)
        ]  # fmt: skip
        remembering = [part for part in layers if part.track_running_stats]
        assert remembering
        assert all(isinstance(part, BatchNorm2d) for part in remembering)
        assert {part.by_image for part in remembering} == {statistics == "batch_statistics"}  # type: ignore[union-attr]
