"""Followers hand every row on once, over any number of starts, and a logger that fails or hangs never ends a training."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from transmodal.checkpoint import CohortMark
from transmodal.recipes.schema import Recipe
from transmodal.training.log import CurvePoint, Curves, Outcome, read
from transmodal.training.loggers.follower import LOGGERS, LoggerFollower
from transmodal.training.loggers.logged_run import Logger, RunFacts


class Notebook:
    """A logger that keeps what it is handed; it may fail at a row."""

    def __init__(self, store: str = "here", fails_at: int | None = None) -> None:
        self.id, self.store, self.fails_at = "run-1", store, fails_at
        self.rows: list[tuple[int, CurvePoint]] = []
        self.outcomes: list[Outcome] = []
        self.recorded: list[Mapping[str, Any]] = []

    def connect(self, facts: RunFacts, recorded: Mapping[str, Any]) -> Notebook:
        self.recorded.append(recorded)
        return self

    def send(self, points: Sequence[CurvePoint], row: int) -> None:
        for n, point in enumerate(points, row):
            if n == self.fails_at:
                raise OSError("no space left on device")
            self.rows.append((n, point))

    def finish(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


Follow = Callable[..., LoggerFollower]


@pytest.fixture
def follow(tmp_path: Path, tiny: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch) -> Follow:
    def make(
        logger: Notebook, *, load: Callable[[], None] = lambda: None, patience: float = 600
    ) -> LoggerFollower:
        monkeypatch.setitem(LOGGERS, "notebook", Logger(load, logger.connect))
        facts = RunFacts("one", tmp_path / "loggers", tiny(), CohortMark("phantoms", "ab12"))
        return LoggerFollower("notebook", facts, patience=patience)

    return make


def write(folder: Path, steps: range, follower: LoggerFollower | None = None) -> None:
    """Write curves of steps, of two values each, as a training does that goes on from the step before them."""
    followers = [] if follower is None else [follower]
    with Curves(folder / "curves.csv", None, steps.start - 1, followers=followers) as curves:
        for step in steps:
            curves.add(step, "train", 1, {"loss": step / 3, "lr": 1e-4})


def test_the_logger_has_the_rows_of_the_file(tmp_path: Path, follow: Follow) -> None:
    notebook = Notebook()
    write(tmp_path, range(1, 6), follow(notebook))
    assert [point for _, point in notebook.rows] == read(tmp_path / "curves.csv")
    assert [n for n, _ in notebook.rows] == list(range(10))
    assert notebook.outcomes == ["finished"]


def test_a_run_that_goes_on_sends_nothing_twice_and_leaves_nothing_out(
    tmp_path: Path, follow: Follow
) -> None:
    notebook = Notebook()
    write(tmp_path, range(1, 6), follow(notebook))
    write(tmp_path, range(4, 9), follow(notebook))  # killed after step 5, from a checkpoint of step 3
    assert [point for _, point in notebook.rows] == read(tmp_path / "curves.csv")
    assert [n for n, _ in notebook.rows] == list(range(16))
    assert notebook.recorded[1] == {"id": "run-1", "store": "here", "rows": 10}


def test_a_logger_that_joins_later_has_the_rows_before(tmp_path: Path, follow: Follow) -> None:
    write(tmp_path, range(1, 6))
    notebook = Notebook()
    write(tmp_path, range(6, 8), follow(notebook))
    assert [point for _, point in notebook.rows] == read(tmp_path / "curves.csv")


def test_another_store_has_all_rows(tmp_path: Path, follow: Follow) -> None:
    write(tmp_path, range(1, 6), follow(Notebook()))
    other = Notebook(store="a server")
    write(tmp_path, range(6, 8), follow(other))
    assert [point for _, point in other.rows] == read(tmp_path / "curves.csv")


def test_a_record_that_is_damaged_begins_again(tmp_path: Path, follow: Follow) -> None:
    write(tmp_path, range(1, 3), follow(Notebook()))
    (tmp_path / "loggers" / "notebook.json").write_text("{")
    notebook = Notebook()
    write(tmp_path, range(3, 4), follow(notebook))
    assert notebook.recorded == [{}]
    assert [point for _, point in notebook.rows] == read(tmp_path / "curves.csv")


def test_a_logger_that_fails_is_left_with_one_warning(
    tmp_path: Path, follow: Follow, caplog: pytest.LogCaptureFixture
) -> None:
    notebook = Notebook(fails_at=2)
    with caplog.at_level(logging.WARNING):
        write(tmp_path, range(1, 30), follow(notebook))
    (warning,) = caplog.messages
    assert warning.startswith("notebook takes no more curves: no space left on device.")
    assert len(read(tmp_path / "curves.csv")) == 58
    assert notebook.outcomes == []


def test_a_package_that_cannot_be_imported_is_left(
    tmp_path: Path, follow: Follow, caplog: pytest.LogCaptureFixture
) -> None:
    def load() -> None:
        raise ImportError("a broken wheel")

    notebook = Notebook()
    write(tmp_path, range(1, 3), follow(notebook, load=load))
    assert "a broken wheel" in caplog.text
    assert notebook.recorded == []
    assert len(read(tmp_path / "curves.csv")) == 4


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


def test_a_logger_that_hangs_is_left_at_the_end(
    tmp_path: Path, follow: Follow, gate: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    class Hanging(Notebook):
        def send(self, points: Sequence[CurvePoint], row: int) -> None:
            gate.wait()

    write(tmp_path, range(1, 30), follow(Hanging(), patience=0.1))
    assert "notebook does not answer within 0.1 s and is left" in caplog.text
    assert len(read(tmp_path / "curves.csv")) == 58


@pytest.mark.parametrize(
    ("error", "is_stopped", "outcome"),
    [
        (None, False, "finished"),
        (None, True, "stopped"),
        (KeyboardInterrupt(), False, "stopped"),
        (ValueError("diverged"), False, "failed"),
    ],
)
def test_the_logger_learns_how_a_training_ended(
    tmp_path: Path, follow: Follow, error: BaseException | None, is_stopped: bool, outcome: Outcome
) -> None:
    notebook = Notebook()

    def run() -> None:
        with Curves(tmp_path / "curves.csv", None, 0, followers=[follow(notebook)]) as curves:
            curves.is_stopped = is_stopped
            if error is not None:
                raise error

    if error is None:
        run()
    else:
        with pytest.raises(type(error)):
            run()
    assert notebook.outcomes == [outcome]
