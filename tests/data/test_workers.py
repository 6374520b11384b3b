"""Worker processes: how they are started, and their end."""

from __future__ import annotations

import os
import signal
import sys
from types import ModuleType, SimpleNamespace

import pytest

from transmodal import processes
from transmodal.data import hangs, workers
from transmodal.data.workers import attended, end, start_method, worker_death


@pytest.mark.parametrize(("platform", "method"), [("linux", "fork"), ("darwin", "spawn"), ("win32", "spawn")])
def test_a_fork_is_made_on_linux_alone(platform: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert start_method() == method


def test_an_iterator_without_processes_is_left_alone() -> None:
    iterator = iter([1])
    with attended(iterator):
        assert next(iterator) == 1
    end(iterator)
    end(None)


def test_only_words_of_torch_are_a_death() -> None:
    assert worker_death(RuntimeError("shapes differ")) is None
    timed_out = worker_death(RuntimeError("DataLoader timed out after 120 seconds"))
    assert timed_out is not None
    assert timed_out.code == "E405"
    assert str(workers.TIMEOUT_SECONDS) in timed_out.got
    killed = worker_death(
        RuntimeError("DataLoader worker (pid 12) is killed by signal: Killed. It is possible")
    )
    assert killed is not None
    assert (killed.code, "Killed" in killed.got) == ("E402", True)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("DataLoader worker (pid(s) 12) exited unexpectedly", "died of SIGKILL"),
        ("DataLoader worker (pid(s) 11, 12) exited unexpectedly", "died of SIGKILL"),
        ("DataLoader worker (pid 11) is killed by signal: Bus error. It is possible", "died (Bus error)"),
        ("DataLoader worker (pid(s) 13) exited unexpectedly", "a process that cuts windows died"),
    ],
)
def test_a_death_is_named_by_its_signal_where_torch_does_not_know_it(message: str, words: str) -> None:
    ended = [(11, -signal.SIGTERM), (12, -signal.SIGKILL)]
    others = [SimpleNamespace(pid=pid, exitcode=code) for pid, code in ended]
    with attended(SimpleNamespace(_workers=others)):
        death = worker_death(RuntimeError(message))
    assert death is not None
    assert words in death.got


@pytest.mark.parametrize("cause", [processes, hangs])
def test_a_broken_connection_to_a_worker_that_was_ended_is_no_shortage_of_memory(
    cause: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    iterator = SimpleNamespace(_workers=[SimpleNamespace(pid=os.getpid(), exitcode=None)])
    for ended, code in ((set(), "E402"), ({os.getpid()}, "E405")):
        with attended(iterator):
            monkeypatch.setattr(cause, "_ended", ended)
            death = worker_death(ConnectionResetError("reset by peer"))
        assert death is not None
        assert death.code == code


def test_a_worker_that_an_earlier_training_ended_says_nothing_of_a_later_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for cause in (processes, hangs):
        monkeypatch.setattr(cause, "_ended", {1, os.getpid()})  # the second id is given again

    with attended(SimpleNamespace(_workers=[SimpleNamespace(pid=os.getpid(), exitcode=None)])):
        death = worker_death(EOFError())

    assert death is not None
    assert death.code == "E402"
