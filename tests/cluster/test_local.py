"""Workers of this machine that die or are stopped are named, and a stopped one is ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from patience import wait_for
from transmodal import processes
from transmodal.cluster import local


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="needs /proc")
@pytest.mark.parametrize(
    ("number", "words"),
    [(signal.SIGKILL, "died of SIGKILL"), (signal.SIGSTOP, "was stopped and did not go on")],
)
def test_a_worker_that_is_lost_is_named(
    number: int, words: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(processes, "LOOK_SECONDS", 0.05)
    lost, other = (
        multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,)) for _ in range(2)
    )
    nannies = {name: SimpleNamespace(process=SimpleNamespace(process=lost)) for name in ("0", "starting")}
    nannies["starting"].process = None
    lost.start()
    other.start()
    try:
        with local.attended(nannies):
            os.kill(lost.pid or 0, number)
            wait_for(lambda: words in caplog.text)
            nannies["0"] = SimpleNamespace(process=SimpleNamespace(process=other))
        assert lost.exitcode == -signal.SIGKILL
        assert caplog.text.count("a worker of this machine") == 1
        assert other.is_alive()
    finally:
        for process in (lost, other):
            process.kill()
            process.join()
