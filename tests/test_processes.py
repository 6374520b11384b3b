"""What became of a process, in words, and what helps."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time

import pytest

from transmodal.processes import Children, death_error, describe_exit, holding_signals, was_stopped


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_until_processes_are_spawned(number: signal.Signals) -> None:
    told: list[int] = []
    before = signal.signal(number, lambda number, _: told.append(number))
    try:
        handler = signal.getsignal(number)
        with holding_signals():
            os.kill(os.getpid(), number)
            assert told == []
        assert told == [number]
        assert signal.getsignal(number) is handler
        with pytest.raises(ZeroDivisionError), holding_signals():
            raise ZeroDivisionError
        assert signal.getsignal(number) is handler
        signal.signal(number, signal.SIG_IGN)
        with holding_signals():
            assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_another_thread_than_the_main_one_holds_nothing() -> None:
    before, seen = signal.getsignal(signal.SIGTERM), []

    def hold() -> None:
        with holding_signals():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    assert seen == [before]


def test_children_are_known_at_once_and_remembered() -> None:
    context = multiprocessing.get_context("fork")
    earlier, child = (context.Process(target=time.sleep, args=(60,)) for _ in range(2))
    earlier.start()
    children = Children()
    assert children.look() == []
    child.start()
    try:
        assert children.look() == [child.pid]
        assert children.signal_code() is None
        child.kill()
        child.join()
        assert children.look() == [child.pid]
        assert children.signal_code() == -signal.SIGKILL
    finally:
        for process in (earlier, child):
            process.kill()
            process.join()
