"""Scoring over a cluster: the files of one process, whichever worker took which case, and though one was killed."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import cluster_jobs
import transmodal
from cli_calls import check_error
from transmodal import cli
from transmodal.cohorts.store import Cohort
from transmodal.commands._case_work import CaseWork, order_of
from transmodal.commands._evaluation_words import (
    CaseWords,
    EvaluationWords,
    FigureWords,
    ModelWords,
    NetworkWords,
)
from transmodal.commands._passes import PassWords
from transmodal.commands._prediction_words import PredictionWords
from transmodal.errors import IntegrityError
from transmodal.parallel import current_crew

TIMING = "timing.json"
"""Seconds of translations, which no two calls share."""


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("distributed", reason="is of the extra `cluster`")
    with cluster_jobs.cluster(tmp_path_factory.mktemp("cluster"), 2) as file:
        yield str(file)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != TIMING
    }


def words(**more: Any) -> EvaluationWords:  # noqa: ANN401
    return EvaluationWords(
        CaseWords("train"),
        FigureWords(oracles="none", metrics="mae"),
        NetworkWords(),
        ModelWords(device="cpu"),
        PassWords(),
        PredictionWords(),
        **more,
    )


def test_an_evaluation_on_a_cluster_has_the_bytes_of_one_process(folders: Path, scheduler: str) -> None:
    line = ["evaluate", "run", "--cohort", "cohort", "--split", "train", "--save-volumes", "--device", "cpu"]
    assert cli.run([*line, "-o", "one"]) == 0
    assert cli.run([*line, "-o", "two", "--scheduler", scheduler]) == 0
    one, two = files_of(folders / "one"), files_of(folders / "two")
    assert {"evaluation.json", "evaluation.csv", "report.html"} <= set(one)
    assert any(name.startswith("volumes/") for name in one)
    assert sorted(one) == sorted(two)
    assert [name for name in one if one[name] != two[name]] == []


class Killer:
    """Progress that kills, at the first case that is scored, a worker that has another one."""

    def __init__(self) -> None:
        self.victims: list[int] = []

    def advance(self, stage: str, completed: int, total: int, note: str = "") -> None:
        if stage != "evaluate" or self.victims:
            return
        crew: Any = current_crew()
        processes = crew._client.run(os.getpid)
        busy = [address for address, tasks in crew._client.processing().items() if tasks]
        self.victims.append(processes[busy[0] if busy else next(iter(processes))])
        os.kill(self.victims[0], signal.SIGKILL)

    def say(self, line: str) -> None:
        pass


def test_a_killed_worker_loses_nothing(folders: Path, scheduler: str) -> None:
    evaluate: Callable[..., Any] = transmodal.evaluate
    killer = Killer()
    kwargs = {"split": "train", "oracles": "none", "metrics": "mae", "device": "cpu", "save_volumes": True}
    alone = evaluate("run", "cohort", output="one", **kwargs)
    spread = evaluate("run", "cohort", output="two", scheduler=scheduler, progress=killer, **kwargs)
    assert len(killer.victims) == 1
    assert spread.rows == alone.rows
    assert files_of(folders / "one") == files_of(folders / "two")
    assert not list(folders.rglob(".partial*"))
    assert not list(folders.rglob(".seen*"))


def test_what_a_killed_worker_left_half_written_is_removed(folders: Path, scheduler: str) -> None:
    place = folders / "out" / "volumes" / "01-unet_regression"
    place.mkdir(parents=True)
    (place / ".partial-a1b2c3d4.nii.gz").write_bytes(b"half")
    line = "evaluate run --cohort cohort --split train --oracles none --metrics mae --device cpu -o out"
    assert cli.run([*line.split(), "--scheduler", scheduler]) == 0
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("word", "part"),
    [
        ("--viewer", "--viewer with --scheduler"),
        ("--metrics mae,fid --weights inception=random", "--metrics fid with --scheduler"),
    ],
)
def test_work_of_one_process_is_refused(
    word: str, part: str, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_error(
        f"evaluate run --cohort cohort --split train -o out {word} --scheduler local", "E004", part, capsys
    )
    assert not (folders / "out").exists()


def test_a_case_that_is_gone_is_named(folders: Path) -> None:
    order = order_of([Path("run")], Cohort.open("cohort"), words(), Path("out"))
    work = CaseWork(order, "1")
    case = Cohort.open("cohort").cases("train")[0].id
    assert work(case).result.case == case
    with pytest.raises(IntegrityError, match="no case gone") as caught:
        work("gone")
    assert caught.value.code == "E501"


def test_an_open_training_cohort_travels_as_its_folder(folders: Path) -> None:
    cohort = Cohort.open("cohort")
    order = order_of([Path("run")], cohort, words(training_cohort=cohort), Path("out"))
    assert order.words.training_cohort == order.cohort == cohort.folder
    assert len(pickle.dumps(order)) < 5000
