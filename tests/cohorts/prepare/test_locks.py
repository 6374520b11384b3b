from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.prepare import locks
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.errors import UsageError

MakeCase = Callable[..., Case]
Maker = Callable[..., CaseMaker]
ALONE = PrepareOptions(ratios=(1, 0, 0))


def test_one_at_a_time(a_case: MakeCase, ready: Maker, tmp_path: Path) -> None:
    class Nosy:
        id = patient = "s01"

        def fingerprint(self) -> str:
            return "nosy"

        def load(self) -> Case:
            with pytest.raises(UsageError, match="being prepared by another process") as caught:
                prepare([ready(a_case("s02"))], tmp_path / "cohort", ALONE)
            assert caught.value.code == "E005"
            return a_case()

    prepare([Nosy()], tmp_path / "cohort", ALONE)


def test_workers_of_a_killed_preparation_are_waited_for(
    a_case: MakeCase, ready: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cohort"
    (folder / "cases").mkdir(parents=True)
    orphan = os.open(folder / "cases", os.O_RDONLY)
    fcntl.flock(orphan, fcntl.LOCK_SH)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            os.close(orphan)

    monkeypatch.setattr("transmodal.cohorts.prepare.locks.time.sleep", sleep)
    assert len(prepare([ready(a_case())], folder, ALONE).cases()) == 1
    assert len(waited) == 3


def test_an_orphan_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def is_alive(self) -> bool:
            return False

    class Ended(BaseException):
        pass

    def end(status: int) -> None:
        raise Ended(status)

    (tmp_path / "cases").mkdir()
    monkeypatch.setattr("multiprocessing.parent_process", Gone)
    monkeypatch.setattr(os, "_exit", end)
    with pytest.raises(Ended), locks.mark_working(tmp_path):
        pytest.fail("went on")


def test_file_systems_without_locks_do(
    a_case: MakeCase,
    ready: Maker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(*_: object) -> None:
        raise OSError(38, "no locks")

    monkeypatch.setattr(fcntl, "flock", none)
    prepare([ready(a_case())], tmp_path / "cohort", ALONE)
