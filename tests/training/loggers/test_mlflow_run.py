"""MLflow itself, with its files beside a run: what it has after a training, after two starts, and where it fails."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from transmodal.checkpoint import CohortMark
from transmodal.cohorts.store import Cohort
from transmodal.recipes.schema import Recipe
from transmodal.storage import files
from transmodal.training.log import Curves, read
from transmodal.training.loggers import follower
from transmodal.training.loggers.follower import LoggerFollower
from transmodal.training.loggers.logged_run import RunFacts
from transmodal.training.train import train

mlflow = pytest.importorskip("mlflow", reason="needs pip install 'transmodal[mlflow]'")

Tiny = Callable[..., Recipe]


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "PATIENCE_SECONDS", 600.0)  # also on a machine that is busy
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)


def look(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, dict[str, list[Any]]]:
    """Return the one run in a folder of loggers, and the values of its metrics."""
    with monkeypatch.context() as context:
        context.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        client = mlflow.MlflowClient(tracking_uri=(folder / "mlflow").as_uri())
        experiment = client.get_experiment_by_name("transmodal")
        (run,) = client.search_runs([experiment.experiment_id])
        return run, {key: client.get_metric_history(run.info.run_id, key) for key in run.data.metrics}


def follow(folder: Path, tiny: Tiny) -> LoggerFollower:
    return LoggerFollower("mlflow", RunFacts("one", folder, tiny(), CohortMark("phantoms", "ab12")))


def test_a_training_is_in_mlflow_and_its_weights_are_those_without(
    cohort: Cohort, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(tiny(epochs=1, log_every=2, loggers=["mlflow"]), cohort, tmp_path / "with")
    train(tiny(epochs=1, log_every=2, loggers=[]), cohort, tmp_path / "without")
    weights = Path("checkpoints", "best", "weights.safetensors")
    assert (tmp_path / "with" / weights).read_bytes() == (tmp_path / "without" / weights).read_bytes()
    assert not (tmp_path / "with" / "tensorboard").exists()
    assert not (tmp_path / "without" / "loggers").exists()

    run, metrics = look(tmp_path / "with" / "loggers", monkeypatch)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "with"
    assert run.data.params["training.batch"] == "4"
    rows = read(tmp_path / "with" / "curves.csv")
    found = {(one.step, key, one.value) for key, history in metrics.items() for one in history}
    assert found == {(row.step, row.name, row.value) for row in rows}
    assert any(row.name.startswith("validation/") for row in rows)


def test_a_run_that_goes_on_is_one_run(tmp_path: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    for n_before, last in ((0, 5), (3, 8)):
        with Curves(
            tmp_path / "curves.csv", None, n_before, followers=[follow(tmp_path / "loggers", tiny)]
        ) as curves:
            for step in range(n_before + 1, last + 1):
                curves.add(step, "cnn", 1, {"loss/l1": step / 3})
            curves.is_stopped = last == 5
        run, metrics = look(tmp_path / "loggers", monkeypatch)
        assert run.info.status == ("KILLED" if last == 5 else "FINISHED")
    assert [(one.step, one.value) for one in metrics["cnn/loss/l1"]] == [(n, n / 3) for n in range(1, 9)]


def test_a_store_that_is_lost_in_the_middle_does_not_end_the_training(
    tmp_path: Path, tiny: Tiny, caplog: pytest.LogCaptureFixture
) -> None:
    first = follow(tmp_path / "loggers", tiny)
    with Curves(tmp_path / "curves.csv", None, 0, followers=[first]) as curves:
        curves.add(1, "train", 1, {"loss": 0.5})
    shutil.rmtree(tmp_path / "loggers" / "mlflow")
    with Curves(tmp_path / "curves.csv", None, 1, followers=[follow(tmp_path / "loggers", tiny)]) as curves:
        for step in range(2, 9):
            curves.add(step, "train", 1, {"loss": 0.5})
    assert caplog.text.count("mlflow takes no more curves") == 1
    assert len(read(tmp_path / "curves.csv")) == 8


def test_a_server_that_is_not_there_does_not_end_the_training(
    cohort: Cohort,
    tiny: Tiny,
    run_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    result = train(tiny(epochs=1, loggers=["mlflow"]), cohort, run_folder)
    assert result.best is not None
    assert caplog.text.count("mlflow takes no more curves") == 1
    assert not (run_folder / "loggers" / "mlflow").exists()


def test_the_server_of_the_environment_is_taken(
    tmp_path: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere" / "mlflow"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", elsewhere.as_uri())
    with Curves(tmp_path / "curves.csv", None, 0, followers=[follow(tmp_path / "loggers", tiny)]) as curves:
        curves.add(1, "train", 1, {"loss": 0.5})
    _, metrics = look(elsewhere.parent, monkeypatch)
    assert [one.value for one in metrics["loss"]] == [0.5]
    assert files.read_json(tmp_path / "loggers" / "mlflow.json")["store"] == elsewhere.as_uri()
