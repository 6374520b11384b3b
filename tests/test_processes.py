"""What became of a process, in words, and what helps."""

from __future__ import annotations

import pytest

from transmodal import processes
from transmodal.data.loader import worker_death
from transmodal.processes import death_error, describe_exit, was_stopped


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (None, "died"),
        (0, "died with status 0"),
        (3, "died with status 3"),
        (-9, "died of SIGKILL"),
        (-250, "died of signal 250"),
    ],
)
def test_an_exit_is_said_in_words(code: int | None, words: str) -> None:
    assert describe_exit(code) == words


def test_memory_and_a_stop_are_told_apart() -> None:
    dead = death_error("worker 2 died", was_stopped=False)
    assert (dead.code, dead.got) == ("E402", "worker 2 died")
    assert "fewer workers" in dead.remedy
    assert (
        death_error("x", was_stopped=False, advice="Take a smaller batch.").remedy == "Take a smaller batch."
    )
    stopped = death_error("worker 2 died", was_stopped=True)
    assert stopped.code == "E405"
    assert "had been stopped and did not go on" in stopped.got


def test_a_process_that_nothing_ended_was_not_stopped() -> None:
    assert not was_stopped(None)
    assert not was_stopped(1)


def test_a_broken_connection_to_a_worker_that_was_stopped_is_no_shortage_of_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for ended, code in ((set(), "E402"), ({4711}, "E405")):
        monkeypatch.setattr(processes, "_ended", ended)
        death = worker_death(ConnectionResetError("reset by peer"))
        assert death is not None
        assert death.code == code
