"""Fine-tuning: weights of a run's best as the start, everything else anew, and no network of another kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from transmodal import checkpoint
from transmodal.checkpoint import Checkpoint, CohortMark
from transmodal.cohorts.store import Cohort
from transmodal.commands.train import train as train_command
from transmodal.errors import InputError, IntegrityError, UsageError
from transmodal.exporting import file
from transmodal.inference.load import load
from transmodal.recipes.schema import Recipe
from transmodal.storage import files
from transmodal.training.planning import starting_run
from transmodal.training.planning.plan import plan
from transmodal.training.planning.starting_run import StartingRun, load_start
from transmodal.training.train import train

Tiny = Callable[..., Recipe]
STILL = {"epochs": 1, "samples_per_epoch": 4, "players": {"generator": {"lr": 1e-12}}}


def best(run: Path) -> Checkpoint:
    return checkpoint.load(run / "checkpoints" / "best")


@pytest.fixture
def first(tiny: Tiny, cohort: Cohort, tmp_path: Path) -> Path:
    """A run of another seed, whose weights are its own."""
    train(tiny(epochs=1, samples_per_epoch=4, seed=7), cohort, tmp_path / "first")
    return tmp_path / "first"


def is_near(run: Path, start: Path) -> bool:
    before = best(start).weights
    return all(torch.allclose(tensor, before[name], atol=1e-6) for name, tensor in best(run).weights.items())


@pytest.mark.parametrize("is_file", [False, True])
def test_training_starts_from_its_weights_and_says_so(
    tiny: Tiny, cohort: Cohort, first: Path, tmp_path: Path, is_file: bool
) -> None:
    start = first
    if is_file:
        start = tmp_path / "first.tmz"
        file.write(first, start)
    run = tmp_path / "second"
    train_command(tiny(**STILL), cohort, run, start=start)
    assert is_near(run, first)
    train(tiny(**STILL), cohort, tmp_path / "scratch")
    assert not is_near(tmp_path / "scratch", first)
    saved = checkpoint.load(run / "checkpoints" / "last", optimizers=True)
    assert saved.starting_weights == {"run": best(first).weights_sha256}
    assert saved.state.step == 1  # of its own
    assert load(run, device="cpu").provenance["starting_weights"] == saved.starting_weights
    recorded = files.read_json(run / "run.json")["plan"]["starting_weights"]["run"]
    assert recorded["sha256"] == best(first).weights_sha256
    assert "best weights of a run of tiny" in (run / "MODEL_CARD.md").read_text()
    # A run that goes on, or is finished, has started; the other run may be gone.
    assert train(tiny(**STILL), cohort, run, start=tmp_path / "gone").was_finished


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"width": 4, "levels": 2}, "settings.width is 2, not 4"),
        ({"width": 2, "levels": 1}, "settings.levels is 2, not 1"),
    ],
)
def test_another_architecture_is_refused_with_the_first_setting(
    tiny: Tiny, cohort: Cohort, first: Path, tmp_path: Path, settings: dict[str, int], words: str
) -> None:
    recipe = tiny().model_copy(update={"settings": settings})
    with pytest.raises(UsageError, match=words) as refused:
        train(recipe, cohort, tmp_path / "second", start=first)
    assert refused.value.code == "E004"
    assert not (tmp_path / "second").exists()


def test_weights_of_losses_may_be_others_and_another_translator_may_not(
    tiny: Tiny, cohort: Cohort, first: Path, tmp_path: Path
) -> None:
    recipe = tiny(**STILL)
    changed = recipe.model_copy(update={"settings": {**recipe.settings, "ssim_weight": 0.1}})
    assert plan(changed, cohort, start=first).start is not None
    other = recipe.model_copy(update={"translator": "pix2pix", "settings": {"width": 2, "levels": 2}})
    with pytest.raises(UsageError, match="translator is unet_regression, not pix2pix"):
        plan(other, cohort, start=first)
    with pytest.raises(InputError, match="run folder"):
        plan(recipe, cohort, start=tmp_path)


def test_a_run_that_began_by_itself_is_not_taken_up_as_another(
    tiny: Tiny, cohort: Cohort, first: Path, tmp_path: Path
) -> None:
    train(tiny(**STILL), cohort, tmp_path / "own")
    with pytest.raises(UsageError, match="was not started from another run") as refused:
        train(tiny(**STILL), cohort, tmp_path / "own", start=first)
    assert refused.value.code == "E005"


def test_weights_that_changed_meanwhile_are_refused(tiny: Tiny, cohort: Cohort, first: Path) -> None:
    planned = plan(tiny(**STILL), cohort, start=first)
    assert planned.start is not None
    network = torch.nn.Linear(1, 1)
    with pytest.raises(IntegrityError, match="as when the training was planned"):
        load_start(network, planned.start._replace(sha256="0" * 64))


def test_patients_of_both_trainings_are_known_where_one_key_marked_them(tmp_path: Path) -> None:
    start = StartingRun(tmp_path, "ab", "tiny", CohortMark("a", "1", ("p1", "p2"), "key"))
    mark = CohortMark("b", "2", ("p2", "p3"), "key")
    assert start.joined(mark).patients == ("p1", "p2", "p3")
    other = mark._replace(patients_key="another")
    assert start.joined(other) == other
    assert starting_run.NAME == "run"
