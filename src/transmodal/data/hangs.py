"""Worker processes that hang: asleep, all of them, while a step waits for a window.

A slow machine is none of it: a process that waits for its turn is ready to run, one that waits for a disk or for memory
that was swapped out is in a sleep of its own kind, and one that reads little by little wakes up again and again.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from transmodal import processes

PATIENCE_LOOKS = 12
"""In how many looks one after the other all workers are asleep before they are ended."""
_MOST_WAKES = 12
"""How often a worker may wake meanwhile: torch's look every 5 s whether there is work."""
_MOST_TICKS = 2
"""Hundredths of a second that a worker may compute meanwhile."""
_PROCESSES = Path("/proc")
_ended: set[int] = set()


class Activity(NamedTuple):
    """Work of a process since it began.

    Attributes:
        ticks: of processor time.
        wakes: how often its threads gave the processor up by themselves.
    """

    ticks: int
    wakes: int


class Vigil:
    """Watches workers while somebody waits for them; where all sleep for long, they are ended, which torch notices.

    Args:
        workers: ids of the processes.
    """

    def __init__(self, workers: Sequence[int]) -> None:
        self._workers = tuple(workers)
        self._waiter: int | None = None
        self._turn = 0
        self._start: tuple[int, list[Activity]] | None = None
        self._n_looks = 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Say that the calling thread waits for the workers while the block runs."""
        self._turn, self._waiter = self._turn + 1, threading.get_native_id()
        try:
            yield
        finally:
            self._waiter = None

    def look(self) -> bool:
        """Look once; return whether the workers were ended."""
        waiter, turn = self._waiter, self._turn
        now = None if waiter is None else self._read_sleepers(waiter)
        if now is None:
            self._start = None
        elif self._start is None or self._start[0] != turn or not _is_still(self._start[1], now):
            self._start, self._n_looks = (turn, now), 0
        else:
            self._n_looks += 1
            if self._n_looks >= PATIENCE_LOOKS and self._waiter == waiter and self._turn == turn:
                self._end()
                return True
        return False

    def _read_sleepers(self, waiter: int) -> list[Activity] | None:
        """Return what each worker has done; None where a thread of theirs, or the one that waits, does not sleep."""
        try:
            if _state_of(_PROCESSES / "self" / "task" / str(waiter) / "stat")[0] != "S":
                return None
            return [_read_sleeper(worker) for worker in self._workers]
        except (OSError, ValueError, IndexError):  # awake, gone, or not on Linux
            return None

    def _end(self) -> None:
        for worker in self._workers:
            _ended.add(worker)
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)


@contextmanager
def keeping_vigil(workers: Sequence[int]) -> Iterator[Vigil]:
    """Look at workers from a thread while the block runs, as often as at processes that are stopped."""
    vigil, is_over = Vigil(workers), threading.Event()
    _ended.difference_update(workers)  # ids are given again

    def look() -> None:
        while not is_over.wait(processes.LOOK_SECONDS) and not vigil.look():
            pass

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield vigil
    finally:
        is_over.set()
        thread.join()


def was_hanging(worker: int) -> bool:
    """Tell whether a worker was ended because all of them slept while a step waited."""
    return worker in _ended


def _is_still(first: Sequence[Activity], last: Sequence[Activity]) -> bool:
    return all(
        now.ticks - before.ticks <= _MOST_TICKS and now.wakes - before.wakes <= _MOST_WAKES
        for before, now in zip(first, last, strict=True)
    )


def _read_sleeper(worker: int) -> Activity:
    """Return what a process has done.

    Raises:
        ValueError: where one of its threads does not sleep.
        OSError: where it is gone.
    """
    ticks = wakes = 0
    for thread in (_PROCESSES / str(worker) / "task").iterdir():
        fields = _state_of(thread / "stat")
        if fields[0] != "S":
            raise ValueError(fields[0])
        ticks += int(fields[11]) + int(fields[12])
        lines = (thread / "status").read_bytes().splitlines()
        wakes += next(int(line.split()[1]) for line in lines if line.startswith(b"voluntary_ctxt_switches"))
    return Activity(ticks, wakes)


def _state_of(path: Path) -> list[str]:
    """Return the fields of a thread behind its name; the first is its state."""
    return path.read_bytes().rpartition(b")")[2].decode("ascii").split()
