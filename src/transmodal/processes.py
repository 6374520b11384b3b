"""Deaths of processes: what ended one, in words, and an end for one that was stopped and does not go on."""

from __future__ import annotations

import multiprocessing.process
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

from transmodal.errors import ResourceError

LOOK_SECONDS = 2.0
"""How often processes are looked at."""

PATIENCE_LOOKS = 5
"""In how many looks one after the other a process is seen stopped before it is ended.

Looks and not seconds: where a batch system or Ctrl-Z stops all processes together, nobody looks meanwhile.
"""

STOPPED = "was stopped and did not go on"

_ended: set[int] = set()


@contextmanager
def ending_stopped(processes: Callable[[], Iterable[int]]) -> Iterator[None]:
    """End processes that are stopped (SIGSTOP) and do not go on, while the block runs.

    Those who wait for them would wait forever; that they die is noticed. Only Linux says which processes are stopped:
    elsewhere nothing is ended.

    Args:
        processes: returns the ids of the processes that there are; called from a thread.
    """
    is_over = threading.Event()
    _ended.difference_update(processes())  # ids are given again
    thread = threading.Thread(target=_look, args=(processes, is_over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@contextmanager
def holding_signals() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait until the block is left, in which processes are spawned.

    A process reads what it has to do from the one that spawns it. Where that one is ended in between, it finds nothing,
    and says so in a traceback; and nobody knows of it yet, so that nobody ends it.
    """
    signal_numbers: list[int] = []

    def hold(number: int, _: FrameType | None) -> None:
        signal_numbers.append(number)

    # Python hands signals to the main thread alone; one that is ignored has to be ignored by the processes too.
    is_main = threading.current_thread() is threading.main_thread()
    handlers = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM) if is_main}
    handlers = {name: act for name, act in handlers.items() if act not in (signal.SIG_IGN, None)}
    try:
        for name in handlers:
            signal.signal(name, hold)
        yield
    finally:
        for name, act in handlers.items():
            signal.signal(name, act)
    for number in signal_numbers:
        signal.raise_signal(number)


class Children:
    """The processes that this one spawns from now on: known from their first moment, and remembered when they are gone."""

    def __init__(self) -> None:
        self._before = set(_spawned())
        self._known: dict[int, BaseProcess] = {}

    def look(self) -> list[int]:
        """Return the ids of those that there are and were."""
        new = {child.pid: child for child in _spawned() if child not in self._before}
        self._known.update({number: child for number, child in new.items() if number is not None})
        return list(self._known)

    def signal_code(self) -> int | None:
        """Return minus the signal that ended one of them, but for SIGTERM, by which the others are ended; None without."""
        codes = [child.exitcode for child in self._known.values()]
        return next(
            (code for code in codes if code is not None and code < 0 and code != -signal.SIGTERM), None
        )


def _spawned() -> list[BaseProcess]:
    """Return the children of `multiprocessing`, whose own function for it also collects those that ended: not for threads."""
    return list(multiprocessing.process._children)  # type: ignore[attr-defined]  # private, and the same since Python 2.6


def was_stopped(process: int | None) -> bool:
    """Tell whether a process was ended because it was stopped and did not go on."""
    return process in _ended


def describe_exit(exit_code: int | None) -> str:
    """Return what became of a process in words, such as `was killed by SIGKILL`.

    Args:
        exit_code: as `multiprocessing` has it: minus the signal's number for a process that a signal ended.
    """
    if exit_code is None:
        return "died"
    if exit_code >= 0:
        return f"died with status {exit_code}"
    with suppress(ValueError):
        return f"died of {signal.Signals(-exit_code).name}"
    return f"died of signal {-exit_code}"


def death_error(death: str, *, was_stopped: bool, advice: str = "") -> ResourceError:
    """Return the error for a process that died, or that was ended because it was stopped.

    Args:
        death: which process it was, and what became of it.
        was_stopped: whether it was stopped.
        advice: what helps where memory ran out; empty for the general one.
    """
    if was_stopped:
        return ResourceError(
            "E405",
            f"{death}: it had been stopped and did not go on",
            "a process that goes on",
            "Look for what stopped it (kill -STOP, a debugger, a batch system), then start again: "
            "what is done is kept.",
        )
    return ResourceError(
        "E402",
        death,
        "a process that ends by itself",
        advice
        or "Most often memory ran out: free some, or give fewer workers; what is done is kept. "
        "A script that asks for workers has to do so under `if __name__ == '__main__':`.",
    )


def _look(processes: Callable[[], Iterable[int]], is_over: threading.Event) -> None:
    n_stopped: Counter[int] = Counter()
    while not is_over.wait(LOOK_SECONDS):
        stopped = {process for process in processes() if _is_stopped(process)}
        n_stopped = Counter({process: n_stopped[process] + 1 for process in stopped})
        for process in stopped:
            if n_stopped[process] >= PATIENCE_LOOKS:
                _ended.add(process)
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)


def _is_stopped(process: int) -> bool:
    """Tell whether a process is stopped, as by SIGSTOP; one that a debugger holds is not."""
    try:
        state = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state == b"T"
