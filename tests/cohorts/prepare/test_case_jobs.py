"""Cases side by side: dead workers are named, bugs keep their traceback, prepared cases are left as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.manifest import CaseEntry
from transmodal.cohorts.prepare.case_jobs import CaseJob, CaseResults, run_jobs
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.errors import ResourceError

MakeCase = Callable[..., Case]
OnDisk = Callable[[Case], CaseFiles]
Maker = Callable[..., CaseMaker]


def test_a_dead_worker_is_named(slow: Maker, tmp_path: Path) -> None:
    makers = [slow(n, mood="die" if n == 2 else "") for n in range(4)]
    with pytest.raises(ResourceError, match="case02 died") as caught:
        prepare(makers, tmp_path / "cohort", workers=2)
    assert caught.value.code == "E402"
    assert not (tmp_path / "cohort" / "cohort.json").exists()
    assert (tmp_path / "cohort" / "cases" / "case00" / "case.json").exists()


def test_a_worker_that_dies_once_is_tried_alone(slow: Maker, tmp_path: Path) -> None:
    makers = [slow(n, mood="die once" if n == 1 else "") for n in range(4)]
    assert len(prepare(makers, tmp_path / "cohort", workers=2).cases()) == 4


def test_a_bug_keeps_its_traceback_and_names_the_case(slow: Maker, tmp_path: Path) -> None:
    for workers in (1, 2):
        with pytest.raises(ZeroDivisionError) as caught:
            prepare([slow(0), slow(1, mood="break")], tmp_path / f"{workers}", workers=workers)
        assert caught.value.__notes__ == ["while preparing case case01"]


def run(folder: Path, *makers: CaseMaker, recorded: Mapping[str, CaseEntry] | None = None) -> CaseResults:
    (folder / "cases").mkdir(exist_ok=True)
    before = recorded or {}
    jobs = {
        maker.id: CaseJob(maker, folder, maker.id, PrepareOptions(), before.get(maker.id)) for maker in makers
    }
    return run_jobs(jobs, 1, None)


def test_a_case_that_fails_does_not_stop_the_others(slow: Maker, tmp_path: Path) -> None:
    results = run(tmp_path, slow(2), slow(1, mood="fail"), slow(0))
    assert [entry.id for entry in results.entries] == ["case00", "case02"]
    assert list(results.failures) == ["case01"]
    assert results.failures["case01"].got == "case case01: a voxel is NaN"
    assert results.repaired == {}


def test_prepared_cases_are_neither_read_nor_written_again(
    slow: Maker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = run(tmp_path, slow(0), slow(1)).entries
    recorded = {entry.id: entry for entry in before}
    # A case that breaks when it is read shows that it is not.
    assert run(tmp_path, slow(0, mood="break"), slow(1), recorded=recorded).entries == before
    (tmp_path / "cases" / "case01" / "t1.npy").write_bytes(b"rotten")
    repaired = run(tmp_path, slow(0, mood="break"), slow(1), recorded=recorded)
    assert list(repaired.repaired) == ["case01"]
    assert repaired.entries == before
    assert "case case01: t1.npy" in caplog.text


def test_progress_counts_failures_too(slow: Maker, tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    steps: list[tuple[str, int, int]] = []
    makers = [slow(0), slow(1, mood="fail")]
    jobs = {maker.id: CaseJob(maker, tmp_path, maker.id, PrepareOptions()) for maker in makers}
    run_jobs(jobs, 1, lambda name, done, total: steps.append((name, done, total)))
    assert steps == [("case00", 1, 2), ("case01", 2, 2)]
