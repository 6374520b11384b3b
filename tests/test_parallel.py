from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

from forked_pools import spawned_pool
from transmodal import parallel, processes
from transmodal.errors import ResourceError


@pytest.fixture(autouse=True)
def pools_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin processes as users do, and not as other tests."""
    monkeypatch.setattr(parallel, "_pool", spawned_pool)


def test_one_item_needs_no_process() -> None:
    assert dict(parallel.spread(os.path.basename, {"a": "x/y"}, 4)) == {"a": "y"}


def test_a_pool_that_breaks_between_items_loses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(ProcessPoolExecutor):
        def submit(self, *_: object) -> Any:  # type: ignore[override]  # noqa: ANN401 - returns nothing
            raise BrokenProcessPool

    make = parallel._pool
    monkeypatch.setattr(parallel, "_pool", lambda workers: Broken() if workers == 2 else make(1))
    items = {"a": "x/1", "b": "x/2", "c": "x/3"}
    assert dict(parallel.spread(os.path.basename, items, 2)) == {"a": "1", "b": "2", "c": "3"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, "E402"), (signal.SIGSTOP, "E405")])
def test_the_item_that_ends_or_stops_its_process_is_named(
    number: int, code: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(processes, "LOOK_SECONDS", 0.1)
    with pytest.raises(ResourceError, match="the process that worked on bad") as caught:
        dict(parallel.spread(signal.raise_signal, {"bad": number, "good": 0}, 2))
    assert caught.value.code == code
    assert caught.value.exit_status == 4
    assert "going on with" in caplog.text


@pytest.mark.parametrize(("set_before", "wanted"), [(None, "1"), ("3", "3")])
def test_processes_use_one_thread_each(
    monkeypatch: pytest.MonkeyPatch, set_before: str | None, wanted: str
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if set_before:
        monkeypatch.setenv("OMP_NUM_THREADS", set_before)
    items = {"a": "OMP_NUM_THREADS", "b": "OMP_NUM_THREADS"}
    found = dict(parallel.spread(os.getenv, items, 2))
    assert found == {"a": wanted, "b": wanted}
    assert os.environ.get("OMP_NUM_THREADS") == set_before


TERMINATED = """
import os, signal, sys
import multiprocessing.util as util
from transmodal import cli, parallel
begin = util.spawnv_passfds
def begin_and_terminate(path, words, descriptors):
    process = begin(path, words, descriptors)
    if b"--multiprocessing-fork" in [os.fsencode(word) for word in words]:
        os.kill(os.getpid(), signal.SIGTERM)
    return process
util.spawnv_passfds = begin_and_terminate
if __name__ == "__main__":
    signal.signal(signal.SIGTERM, cli._terminate)
    list(parallel.spread(abs, {"a": -1, "b": -2}, 2))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_worker_whose_parent_is_terminated_while_it_starts_ends_quietly(tmp_path: Path) -> None:
    (tmp_path / "call.py").write_text(TERMINATED)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "call.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 128 + signal.SIGTERM, done.stderr
    assert done.stderr == ""
