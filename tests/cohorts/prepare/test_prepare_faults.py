from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from patience import PATIENCE_SECONDS, wait_for
from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.prepare import write_case
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, ResourceError, TransmodalError
from transmodal.storage.arrays import npy

MakeCase = Callable[..., Case]
OnDisk = Callable[[Case], CaseFiles]
Maker = Callable[..., CaseMaker]
Tree = Callable[[Path], dict[str, str]]
ALONE = PrepareOptions(ratios=(1, 0, 0))


def test_leftovers_of_a_kill_are_removed(a_case: MakeCase, ready: Maker, tmp_path: Path) -> None:
    folder = tmp_path / "cohort"
    for name in ("cases/.partial-abc", "cases/.old-abc", "working/likeness-1/s01"):
        (folder / name).mkdir(parents=True)
        (folder / name / ".partial-t1.npy").write_bytes(b"half")
    (folder / ".partial-xyz.json").write_text("{")
    prepare([ready(a_case())], folder, ALONE)
    names = ["cases", "cohort-index.json", "cohort.json", "patients.key", "split.json", "working"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert [path.name for path in (folder / "cases").iterdir()] == ["s01"]
    assert not list(folder.rglob(".partial-*"))


KILLED = """
import sys
from pathlib import Path
from slow_cases import Slow
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.prepare.prepare import prepare

if __name__ == "__main__":
    n_quick = int(sys.argv[2])
    cases = [Slow(n, 0.0 if n < n_quick else 1000.0) for n in range(6)]
    prepare(cases, Path(sys.argv[1]), workers=int(sys.argv[3]))
"""


@pytest.mark.parametrize(("workers", "stop_after"), [(1, 1), (1, 4), (2, 2)])
def test_killed_in_the_middle_and_run_again_is_the_same(
    workers: int,
    stop_after: int,
    slow: Maker,
    tree: Tree,
    tmp_path: Path,
) -> None:
    modules, folder = tmp_path / "modules", tmp_path / "killed" / "cohort"
    (modules / "killed.py").write_text(KILLED)
    folder.parent.mkdir()
    words = [sys.executable, str(modules / "killed.py"), str(folder), str(stop_after), str(workers)]
    with subprocess.Popen(words) as child:
        wait_for(
            lambda: len(list(folder.glob("cases/*/case.json"))) == stop_after or child.poll() is not None
        )
        child.send_signal(signal.SIGKILL)
        assert child.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    assert not (folder / "cohort.json").exists()
    with pytest.raises(InputError, match="interrupted: run it again"):
        Cohort.open(folder)
    begun = {path: path.stat().st_mtime_ns for path in folder.glob("cases/case*/*")}
    makers = [slow(n) for n in range(6)]
    prepare(makers, folder)
    assert {path: path.stat().st_mtime_ns for path in begun} == begun
    prepare(makers, tmp_path / "whole" / "cohort")
    assert tree(folder) == tree(tmp_path / "whole" / "cohort")


def test_workers_end_with_their_parent(slow: Maker, tmp_path: Path) -> None:
    modules, folder = tmp_path / "modules", tmp_path / "cohort"
    (modules / "killed.py").write_text(KILLED)
    words = [sys.executable, str(modules / "killed.py"), str(folder), "0", "2"]
    with subprocess.Popen(words) as child:
        children = Path(f"/proc/{child.pid}/task/{child.pid}/children")
        wait_for(lambda: len(list(modules.glob("begun-*"))) == 2)
        workers = [int(word) for word in children.read_text().split()]
        assert len(workers) >= 2
        child.kill()
        child.wait(PATIENCE_SECONDS)
    wait_for(lambda: not any(_lives(worker) for worker in workers))
    assert not list(folder.glob("cases/case*"))


def _lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_all_failing_cases_are_reported_and_good_ones_kept(slow: Maker, tmp_path: Path) -> None:
    folder = tmp_path / "cohort"
    makers = [slow(n, mood="fail" if n > 1 else "") for n in range(6)]
    with pytest.raises(InputError) as caught:
        prepare(makers, folder)
    line = caught.value.line()
    assert caught.value.code == "E120"
    assert "4 of 6 cases failed: error[E120]: case case02: a voxel is NaN" in line
    assert "case04" in line
    assert "case05" not in line
    assert "and 1 more" in line
    assert "2 of 6 are done and kept" in line
    assert sorted(path.name for path in (folder / "cases").iterdir()) == ["case00", "case01"]
    kept = {path: path.stat().st_mtime_ns for path in folder.rglob("*.npy")}
    prepare([slow(n) for n in range(6)], folder)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_one_failing_case_keeps_its_words(slow: Maker, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        prepare([slow(0, mood="fail"), slow(1)], tmp_path / "cohort")
    assert caught.value.line() == (
        "error[E120]: case case00: a voxel is NaN; expected numbers. Repair it. "
        "Then prepare again (1 of 2 are done and kept), or leave it out: --keep-going."
    )


def test_keep_going_leaves_out_and_records(
    slow: Maker,
    tree: Tree,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder, options = tmp_path / "cohort", PrepareOptions(keep_going=True)
    makers = [slow(n, mood="fail" if n == 1 else "") for n in range(4)]
    cohort = prepare(makers, folder, options)
    assert [case.id for case in cohort.cases()] == ["case00", "case02", "case03"]
    assert cohort.manifest.left_out == {"case01": "E120: voxels are not finite"}
    assert "case case01 is left out: error[E120]" in caplog.text
    before = tree(folder)
    prepare(makers, folder, options)
    assert tree(folder) == before
    with pytest.raises(InputError, match="0 of 1 are done"):
        prepare([slow(0, mood="fail")], tmp_path / "none", options)


def test_a_bomb_is_its_cases_fault(slow: Maker, tmp_path: Path) -> None:
    makers = [slow(n, mood="bomb" if n == 0 else "") for n in range(4)]
    with pytest.raises(ResourceError, match="case case00: a header that declares 4 TiB") as caught:
        prepare(makers, tmp_path / "cohort")
    assert caught.value.code == "E401"
    assert "3 of 4 are done and kept" in caught.value.line()
    assert len(prepare(makers, tmp_path / "cohort", PrepareOptions(keep_going=True)).cases()) == 3


@pytest.mark.parametrize("keep_going", [False, True])
def test_a_full_disk_stops_at_once(
    keep_going: bool,
    slow: Maker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []

    def full(path: Path, array: object, name: str = "") -> str:
        told.append(path.name)
        raise ResourceError("E403", f"cannot write {path.name}", "room", "Free space.")

    monkeypatch.setattr(npy, "put_npy", full)
    with pytest.raises(ResourceError, match="case case00: cannot write"):
        prepare([slow(n) for n in range(4)], tmp_path / "c", PrepareOptions(keep_going=keep_going))
    assert told == ["t1.npy"]
    assert not list((tmp_path / "c" / "cases").iterdir())


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_every_failing_call_leaves_a_whole_state(
    call: str, slow: Maker, tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The k-th fsync or rename fails, for every k: nothing half-written, and the next run completes."""
    makers = [slow(n) for n in range(3)]
    prepare(makers, tmp_path / "whole" / "cohort")
    wanted = tree(tmp_path / "whole" / "cohort")
    real: Callable[..., None] = getattr(os, call)
    left = 0

    def failing(*words: Any) -> None:  # noqa: ANN401 - stands for two functions
        nonlocal left
        left -= 1
        if left == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(*words)

    monkeypatch.setattr(os, call, failing)
    codes: list[str] = []
    for k in range(1, 200):
        folder, left = tmp_path / str(k) / "cohort", k
        try:
            prepare(makers, folder)
        except ResourceError as error:
            codes.append(error.code)
        assert not list(folder.rglob(".partial-*"))
        assert all((case / "case.json").is_file() for case in (folder / "cases").iterdir())
        done = left > 0
        left = 0
        prepare(makers, folder).verify()
        assert tree(folder) == wanted
        if done:
            break
    assert codes == ["E403"] * (k - 1)
    assert k > 10


def test_no_memory_is_said(slow: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(write_case, "store", fail)
    with pytest.raises(ResourceError, match="case case00 needs more memory"):
        prepare([slow(0)], tmp_path / "cohort", ALONE)


def test_a_new_bad_case_leaves_the_cohort_as_it_was(slow: Maker, tree: Tree, tmp_path: Path) -> None:
    folder = tmp_path / "cohort"
    good = [slow(n) for n in range(3)]
    prepare(good, folder)
    before = tree(folder)
    with pytest.raises(InputError):
        prepare([*good, slow(3, mood="fail")], folder)
    assert tree(folder) == before
    Cohort.open(folder)


def test_a_fingerprint_that_fails_is_the_cases_error(
    a_case: MakeCase, on_disk: OnDisk, tmp_path: Path
) -> None:
    makers = [on_disk(a_case(f"s{n}")) for n in range(3)]
    prepare(makers, tmp_path / "cohort")
    makers[1].volumes["t1"].unlink()
    with pytest.raises(InputError, match=r"case s1: .*t1\.nii\.gz"):
        prepare(makers, tmp_path / "cohort")
    assert len(Cohort.open(tmp_path / "cohort").cases()) == 3


def test_errors_keep_their_family(slow: Maker, tmp_path: Path) -> None:
    with pytest.raises(TransmodalError) as caught:
        prepare([slow(0, mood="fail"), slow(1, mood="fail"), slow(2)], tmp_path / "cohort")
    assert type(caught.value) is InputError
    assert caught.value.exit_status == 3
