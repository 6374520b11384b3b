"""Half-written files of killed processes are removed, those of living ones are not."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from transmodal.storage import files, orphans

WRITER = """
import sys, time
from pathlib import Path
from transmodal.storage import files
with files.atomic_{kind}(Path(sys.argv[1]) / "x") as beside:
    print(beside, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("kind", ["path", "folder"])
def test_an_orphan_is_known_by_its_dead_writer(kind: str, tmp_path: Path) -> None:
    code = WRITER.format(kind=kind)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        beside = Path(writer.stdout.readline().strip())
        orphans.clear(tmp_path)
        assert beside.exists()
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    assert beside.exists()
    (tmp_path / ".partial-notes").write_text("another program's")
    files.write_json(tmp_path / "new.json", {})
    assert sorted(path.name for path in tmp_path.iterdir()) == [".partial-notes", "new.json"]


def test_orphans_below_a_folder(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (deep / ".partial-abcd1234.json").write_text("{")
    (deep / ".partial-abcd1235").mkdir()
    orphans.clear_below(tmp_path)
    assert list(deep.iterdir()) == []
    orphans.clear(tmp_path / "none")


@pytest.mark.parametrize("is_failure", [False, True])
def test_orphans_are_gone_when_work_ends_well_or_not(is_failure: bool, tmp_path: Path) -> None:
    with suppress(ZeroDivisionError), orphans.cleared(tmp_path):
        (tmp_path / ".partial-abcd1234.json").write_text("{")
        assert 1 / (not is_failure)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("create", [partial(orphans.create_file, suffix=".json"), orphans.create_folder])
@pytest.mark.parametrize("moment", ["before it is opened", "before it is locked", "while it is locked"])
def test_a_writer_starts_again_where_another_took_its_work_for_an_orphan(
    create: Callable[[Path], tuple[Path, int | None]],
    moment: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries: list[Path] = []
    lock, lock_handle = orphans._lock, orphans._lock_handle

    def lock_late(path: Path) -> int | None:
        tries.append(path)
        if moment == "before it is opened" and len(tries) == 1:
            orphans.clear(tmp_path)
        return lock(path)

    def lock_handle_late(handle: int) -> bool:
        if len(tries) > 1 or moment == "before it is opened":
            return lock_handle(handle)
        if moment == "before it is locked":
            orphans.clear(tmp_path)
            return lock_handle(handle)
        with _opened(tries[0]) as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            return lock_handle(handle)

    monkeypatch.setattr(orphans, "_lock", lock_late)
    monkeypatch.setattr(orphans, "_lock_handle", lock_handle_late)
    path, handle = create(tmp_path)
    monkeypatch.undo()
    assert len(tries) == 2
    assert path == tries[1]
    orphans.clear(tmp_path)
    assert path.exists()
    assert handle is not None
    os.close(handle)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY)
    yield handle
    os.close(handle)
