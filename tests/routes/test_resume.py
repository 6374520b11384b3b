"""Interrupted anywhere and started again, training gives what it gives uninterrupted, bit for bit."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from phantoms import Phantom
from transmodal import checkpoint, translators
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.data.dataset import WindowDataset, collate
from transmodal.errors import UsageError
from transmodal.recipes.load import changed, dump, validate
from transmodal.recipes.schema import Recipe
from transmodal.training import validation
from transmodal.training.planning.plan import plan
from transmodal.training.train import TrainResult, train

SHAPE = (14, 17, 10)
STEPS = 18  # of one epoch: (10 + 14) slices of 3 cases in batches of 4
SETTINGS: dict[str, dict[str, Any]] = {
    "unet_regression": {"width": 2, "levels": 2},
    "pix2pix": {"width": 2, "levels": 3, "discriminator_layers": 1},
}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Tiny networks are slower on several threads, and the same numbers need the same number of them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    folder = tmp_path_factory.mktemp("cohort")
    return prepare([Phantom(n) for n in range(6)], folder, PrepareOptions(counts=(3, 2, 1)))


def recipe_of(translator: str, **training: Any) -> Recipe:  # noqa: ANN401
    return validate(
        {
            "name": "tiny",
            "translator": translator,
            "task": {"source": ["t1"], "target": "fa"},
            "windows": {"axes": ["z", "x"]},
            "settings": SETTINGS[translator],
            "training": {
                "epochs": 2,
                "batch": 4,
                "device": "cpu",
                "log_every": 5,
                "gradient_clip": 50.0,
                "augment": {"flip_lr": True, "gain": 0.1},
                "players": {"generator": {"schedule": "one_cycle", "lr": 0.002}},
                "early_stopping": {"patience": 5},
                **training,
            },
        },
        "tiny",
    )


class Watcher:
    """Progress that does something after a step."""

    def __init__(
        self, at: int, act: Callable[[], None], what: str = "train", heard: list[str] | None = None
    ) -> None:
        self._at, self._act, self._what, self._heard = at, act, what, heard
        self.steps = 0

    def advance(self, what: str, done: int, total: int, note: str = "") -> None:
        self.steps += what == "train"
        if what == self._what and done == self._at:
            self._act()

    def say(self, line: str) -> None:
        if self._heard is not None:
            self._heard.append(line)


def run_script(path: Path, *words: object, **options: Any) -> subprocess.CompletedProcess[bytes]:  # noqa: ANN401
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, str(path), *map(str, words)], env=environment, check=False, **options
    )


def explode() -> None:
    raise RuntimeError("bang")


def ask_to_stop(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


def what_is_left(run: Path) -> dict[str, str]:
    """Return the hash of everything that training gives."""
    names = (
        "checkpoints/last/weights.safetensors",
        "checkpoints/last/optimizers.safetensors",
        "checkpoints/best/weights.safetensors",
        "curves.csv",
        "samples/train-epoch-0001.png",
        "samples/train-epoch-0002.png",
    )
    return {name: hashlib.sha256((run / name).read_bytes()).hexdigest() for name in names}


@pytest.fixture(scope="module")
def uninterrupted(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("uninterrupted")
    for translator in SETTINGS:
        train(recipe_of(translator), cohort, folder / translator)
    return {translator: folder / translator for translator in SETTINGS}


def interrupt(
    expected: type[BaseException], recipe: Recipe, cohort: Cohort, run: Path, watcher: Watcher
) -> checkpoint.State:
    with pytest.raises(expected):
        train(recipe, cohort, run, progress=watcher)
    state = checkpoint.peek(run / "checkpoints" / "last")
    assert state is not None
    assert not state.finished
    return state


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("translator", SETTINGS)
def test_a_crash_in_the_middle_of_an_epoch_changes_nothing(
    cohort: Cohort, uninterrupted: dict[str, Path], tmp_path: Path, translator: str, workers: int
) -> None:
    recipe = recipe_of(translator, workers=workers, checkpoint_minutes=0)

    state = interrupt(RuntimeError, recipe, cohort, tmp_path / "run", Watcher(STEPS + 7, explode))
    assert (state.epoch, state.epoch_step, state.step) == (1, 6, STEPS + 6)
    watcher = Watcher(0, explode)
    train(recipe, cohort, tmp_path / "run", progress=watcher)

    assert watcher.steps == STEPS - 6
    assert what_is_left(tmp_path / "run") == what_is_left(uninterrupted[translator])


@pytest.mark.parametrize("at", [1, 11, STEPS])
@pytest.mark.parametrize("translator", SETTINGS)
def test_a_crash_with_no_or_an_old_checkpoint_changes_nothing(
    cohort: Cohort, uninterrupted: dict[str, Path], tmp_path: Path, translator: str, at: int
) -> None:
    recipe = recipe_of(translator)
    with pytest.raises(RuntimeError, match="bang"):
        train(recipe, cohort, tmp_path / "run", progress=Watcher(at, explode))
    assert checkpoint.peek(tmp_path / "run" / "checkpoints" / "last") is None
    train(recipe, cohort, tmp_path / "run")

    assert what_is_left(tmp_path / "run") == what_is_left(uninterrupted[translator])


@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)]
)
@pytest.mark.parametrize("translator", SETTINGS)
def test_asked_to_stop_it_saves_this_very_step(
    cohort: Cohort,
    uninterrupted: dict[str, Path],
    tmp_path: Path,
    translator: str,
    number: signal.Signals,
    expected: type[BaseException],
) -> None:
    recipe = recipe_of(translator)
    handler = signal.getsignal(number)

    # The signal comes after the step that it was sent in was counted: it takes effect with the next.
    state = interrupt(expected, recipe, cohort, tmp_path / "run", Watcher(4, ask_to_stop(number)))
    assert state.step == 5
    state = interrupt(expected, recipe, cohort, tmp_path / "run", Watcher(STEPS + 2, ask_to_stop(number)))
    assert state.step == STEPS + 3
    train(recipe, cohort, tmp_path / "run")

    assert signal.getsignal(number) is handler
    assert what_is_left(tmp_path / "run") == what_is_left(uninterrupted[translator])


def test_asked_to_stop_while_validating(
    cohort: Cohort, uninterrupted: dict[str, Path], tmp_path: Path
) -> None:
    recipe = recipe_of("unet_regression")
    watcher = Watcher(1, ask_to_stop(signal.SIGTERM), what="validate")

    state = interrupt(SystemExit, recipe, cohort, tmp_path / "run", watcher)
    assert (state.epoch, state.epoch_step, state.best) == (0, STEPS, None)
    train(recipe, cohort, tmp_path / "run")

    assert what_is_left(tmp_path / "run") == what_is_left(uninterrupted["unet_regression"])


def test_a_crash_after_the_figures_of_a_validation_changes_nothing(
    cohort: Cohort, uninterrupted: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of("unet_regression", checkpoint_minutes=0)
    monkeypatch.setattr(validation, "save_best", lambda *_: explode())
    interrupt(RuntimeError, recipe, cohort, tmp_path / "run", Watcher(0, explode))
    assert "validation/" in (tmp_path / "run" / "curves.csv").read_text()
    monkeypatch.undo()
    train(recipe, cohort, tmp_path / "run")

    assert what_is_left(tmp_path / "run") == what_is_left(uninterrupted["unet_regression"])


SCRIPT = """
import os, signal, sys, threading, time
from pathlib import Path
from transmodal.cohorts.store import Cohort
from transmodal.recipes.load import load
from transmodal.training.train import train

class Killer:
    def advance(self, what, done, total, note=""):
        last = int(sys.argv[4])
        if what == "train" and done == last:
            if sys.argv[5] == "group":
                os.killpg(os.getpgrp(), signal.SIGTERM)
            else:
                threading.Thread(target=self.kill).start()
        if what == "train" and done == last + 5:
            threading.Event().wait()  # the kill comes late on a busy machine
    def say(self, line): pass
    def kill(self):
        time.sleep(float(sys.argv[5]))
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    train(load(sys.argv[1]), Cohort.open(Path(sys.argv[2])), Path(sys.argv[3]), progress=Killer())
"""


def test_killed_at_any_moment_it_goes_on(
    cohort: Cohort, uninterrupted: dict[str, Path], tmp_path: Path
) -> None:
    recipe = recipe_of("pix2pix", checkpoint_minutes=0, workers=2)
    (tmp_path / "recipe.yaml").write_text(dump(recipe))
    (tmp_path / "kill.py").write_text(SCRIPT)
    # Saving takes most of the time here, so that these strike while a checkpoint is being written.
    for step, seconds in ((5, 0.0), (STEPS, 0.011), (STEPS + 9, 0.004)):
        words = [tmp_path / "recipe.yaml", cohort.folder, tmp_path / "run", step, seconds]
        done = run_script(tmp_path / "kill.py", *words)
        assert done.returncode == -signal.SIGKILL
    state = checkpoint.peek(tmp_path / "run" / "checkpoints" / "last")
    assert state is not None
    assert state.step >= STEPS + 8
    train(recipe, cohort, tmp_path / "run")

    assert what_is_left(tmp_path / "run") == what_is_left(uninterrupted["pix2pix"])
    assert not list((tmp_path / "run" / "checkpoints").glob(".*"))


def test_a_batch_system_stops_the_workers_too(
    cohort: Cohort, uninterrupted: dict[str, Path], tmp_path: Path
) -> None:
    recipe = recipe_of("unet_regression", workers=2)
    (tmp_path / "recipe.yaml").write_text(dump(recipe))
    (tmp_path / "stop.py").write_text(SCRIPT)
    words = [tmp_path / "recipe.yaml", cohort.folder, tmp_path / "run", STEPS + 4, "group"]

    done = run_script(tmp_path / "stop.py", *words, start_new_session=True, capture_output=True)

    assert done.returncode == 128 + signal.SIGTERM, done.stderr.decode()
    state = checkpoint.peek(tmp_path / "run" / "checkpoints" / "last")
    assert state is not None
    assert state.step == STEPS + 5
    train(recipe, cohort, tmp_path / "run")
    assert what_is_left(tmp_path / "run") == what_is_left(uninterrupted["unet_regression"])


def test_a_damaged_checkpoint_goes_back_to_the_one_before(
    cohort: Cohort, uninterrupted: dict[str, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = recipe_of("unet_regression", checkpoint_minutes=0)
    run = tmp_path / "run"
    interrupt(RuntimeError, recipe, cohort, run, Watcher(9, explode))
    weights = run / "checkpoints" / "last" / "weights.safetensors"
    damaged = bytearray(weights.read_bytes())
    damaged[-3] ^= 4
    weights.unlink()
    weights.write_bytes(damaged)

    watcher = Watcher(0, explode)
    train(recipe, cohort, run, progress=watcher)

    assert "last.previous" in caplog.text
    assert watcher.steps == 2 * STEPS - 7
    assert what_is_left(run) == what_is_left(uninterrupted["unet_regression"])


def test_a_finished_run_has_nothing_to_do(cohort: Cohort, uninterrupted: dict[str, Path]) -> None:
    run = uninterrupted["unet_regression"]
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}

    result = train(recipe_of("unet_regression"), cohort, run)

    assert isinstance(result, TrainResult)
    assert result.was_finished
    assert "nothing to do" in result.line()
    assert result.best is not None
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


def test_a_run_that_was_killed_behind_its_last_checkpoint_gets_its_card(
    cohort: Cohort, uninterrupted: dict[str, Path], tmp_path: Path
) -> None:
    run = tmp_path / "unet_regression"
    shutil.copytree(uninterrupted["unet_regression"], run)
    card = (run / "MODEL_CARD.md").read_text()
    (run / "MODEL_CARD.md").unlink()
    assert train(recipe_of("unet_regression"), cohort, run).was_finished
    assert (run / "MODEL_CARD.md").read_text() == card


def test_another_recipe_or_cohort_is_refused(
    cohort: Cohort, uninterrupted: dict[str, Path], tmp_path: Path
) -> None:
    run = uninterrupted["unet_regression"]
    with pytest.raises(UsageError, match=r"training\.seed differ") as caught:
        train(recipe_of("unet_regression", seed=1), cohort, run)
    assert caught.value.code == "E005"
    other = prepare([Phantom(n) for n in range(1, 7)], tmp_path / "other", PrepareOptions(counts=(3, 2, 1)))
    with pytest.raises(UsageError, match="cohort") as caught:
        train(recipe_of("unet_regression"), other, run)
    assert caught.value.code == "E005"
    assert "Choose another folder" in caught.value.remedy


TWO = """
import sys
from pathlib import Path
import torch
from transmodal.cohorts.store import Cohort
from transmodal.recipes.load import load
from transmodal.training.launch import launch
from transmodal.progress import Silent
from transmodal.training.planning.plan import plan
from transmodal.training.run import Run
from transmodal.training.process import train_session
from transmodal.training.saving import checkpoint_of
from transmodal.training.session import Assignment, open_session
from safetensors.torch import save_file

def work(fabric, jobs, progress, stop):
    for job in jobs:
        session = open_session(fabric, job, progress, stop, None)
        train_session(session)
        taken = checkpoint_of(session, session.state, optimizers=True)
        tensors = {**taken.weights, **{f"optimizer/{k}": v for k, v in taken.optimizers.items()}}
        save_file(
            {k: v.contiguous() for k, v in tensors.items()}, job.run.folder / f"rank{fabric.global_rank}"
        )

if __name__ == "__main__":
    recipes, cohort, out = sys.argv[1].split(","), Cohort.open(Path(sys.argv[2])), Path(sys.argv[3])
    jobs = []
    for path in recipes:
        recipe, run = load(path), Run(out / Path(path).stem)
        run.folder.mkdir(parents=True)
        jobs.append(Assignment(plan(recipe, cohort), run))
    launch(recipe.training, work, jobs, Silent())
"""


PAIRED = {"processes": 2, "samples_per_epoch": 24, "gradient_clip": None}


@pytest.fixture(scope="module")
def paired(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Recipe]]:
    """Train each recipe in two processes that write down what each of them has in the end."""
    folder = tmp_path_factory.mktemp("paired")
    recipes = {
        "unet": recipe_of("unet_regression", **PAIRED),
        "gan": recipe_of("pix2pix", **PAIRED).model_copy(
            update={"settings": {**SETTINGS["pix2pix"], "norm": "instance"}}
        ),
        "coupled": recipe_of("pix2pix", **PAIRED),
    }
    for name, recipe in recipes.items():
        (folder / f"{name}.yaml").write_text(dump(recipe))
    (folder / "two.py").write_text(TWO)
    words = ",".join(str(folder / f"{name}.yaml") for name in recipes)
    done = run_script(folder / "two.py", words, cohort.folder, folder, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return folder, recipes


@pytest.mark.parametrize("name", ["unet", "gan", "coupled"])
def test_two_processes_agree_with_each_other_and_with_one(
    cohort: Cohort, paired: tuple[Path, dict[str, Recipe]], tmp_path: Path, name: str
) -> None:
    folder, recipe = paired[0] / name, paired[1][name]
    first, second = (load_file(folder / f"rank{rank}") for rank in (0, 1))
    assert first.keys() == second.keys()
    assert all(first[key].equal(second[key]) for key in first)
    if name == "coupled":  # BatchNorm sees half a batch per process
        return
    train(changed(recipe, ["training.processes=1"]), cohort, tmp_path / "alone")
    alone = load_file(tmp_path / "alone" / "checkpoints" / "last" / "weights.safetensors")
    # A bias in front of a normalisation has no gradient but rounding, which Adam blows up: the
    # function does not depend on it, so it is the function that is compared.
    weights = [key for key in alone if not key.endswith("bias")]
    assert max(float((first[key] - alone[key]).abs().max()) for key in weights) <= 1e-5
    assert float((output_of(recipe, cohort, first) - output_of(recipe, cohort, alone)).abs().max()) <= 1e-5


def test_two_processes_stopped_and_started_again(
    cohort: Cohort, paired: tuple[Path, dict[str, Recipe]], tmp_path: Path
) -> None:
    recipe, whole = paired[1]["unet"], load_file(paired[0] / "unet" / "rank0")
    told: list[str] = []
    watcher = Watcher(3, ask_to_stop(signal.SIGTERM), heard=told)

    state = interrupt(SystemExit, recipe, cohort, tmp_path / "run", watcher)
    assert 3 <= state.step < 12
    train(recipe, cohort, tmp_path / "run", progress=Watcher(0, explode, heard=told))

    assert len([line for line in told if line.startswith("train ")]) == 2
    weights = load_file(tmp_path / "run" / "checkpoints" / "last" / "weights.safetensors")
    assert all(weights[key].equal(whole[key]) for key in weights)


def output_of(recipe: Recipe, cohort: Cohort, weights: dict[str, torch.Tensor]) -> torch.Tensor:
    planned = plan(recipe, cohort)
    translator = translators.build(recipe.translator, planned.config)
    translator.load_state_dict({key: weights[key] for key in translator.state_dict()})
    dataset = WindowDataset(planned.stream)
    batch = collate([dataset[index, 0] for index in range(0, len(dataset), 9)])
    with torch.no_grad():
        output: torch.Tensor = translator.eval()(batch.source, batch.available)
    return output
