"""Worker processes that cut windows: kept an eye on, ended with the work, and their deaths in words."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess

from transmodal.data.hangs import Vigil, keeping_vigil, was_hanging
from transmodal.errors import ResourceError
from transmodal.processes import death_error, describe_exit, ending_stopped, was_stopped

TIMEOUT_SECONDS = 120
"""How long a step waits for its windows."""

_attended: Mapping[int, BaseProcess] = {}
"""The processes that cut windows last, by id; of these is one where torch does not say which one died."""


def start_method() -> str:
    """Return how worker processes are started: where a fork is not safe, or not to be had, they begin anew."""
    return "fork" if sys.platform == "linux" else "spawn"


@contextmanager
def attended(iterator: object) -> Iterator[Vigil]:
    """Look after the processes of a DataLoader's iterator; what is returned is told when somebody waits for them."""
    global _attended
    _attended = {worker.pid: worker for worker in getattr(iterator, "_workers", ())}
    workers = list(_attended)
    if not workers:
        yield Vigil(())
        return
    with ending_stopped(lambda: workers), keeping_vigil(workers) as vigil:
        yield vigil


def end(iterator: object) -> None:
    """End the processes of a DataLoader's iterator, where it has any.

    They ignore signals: an iterator that an error's traceback keeps alive would let the interpreter wait for them at
    its end, forever.
    """
    if getattr(iterator, "_workers", ()):
        iterator._shutdown_workers()  # type: ignore[attr-defined]  # has workers, so it has this


def worker_death(error: BaseException) -> ResourceError | None:
    """Return the error to raise where torch says that a process that cuts windows died; None for other errors.

    torch says so wherever the training process happens to be, so within a step, too.
    """
    message = str(error)
    # One that dies while it hands a window over breaks the connection, or leaves none, before torch can say so.
    is_broken = isinstance(error, (EOFError, ConnectionError, FileNotFoundError))
    if not is_broken and not (isinstance(error, RuntimeError) and message.startswith("DataLoader ")):
        return None
    if message.startswith("DataLoader timed out"):
        return _hang_error(f"gave none for {TIMEOUT_SECONDS} s")
    ids = [*_attended] if is_broken else [int(number) for number in re.findall(r"\d+", message)]
    if any(map(was_hanging, ids)):
        return _hang_error("all slept while a step waited for one")
    return death_error(
        f"a process that cuts windows {_cause(ids, message)}",
        was_stopped=any(map(was_stopped, ids)),
        advice="Most often memory ran out: set training.workers=0, or lower it, then start again: "
        "the last checkpoint is kept.",
    )


def _cause(ids: Sequence[int], message: str) -> str:
    """Return what became of the one of these that died in words; torch, whose message it is, does not always know."""
    codes = [_attended[number].exitcode for number in ids if number in _attended]
    code = next((code for code in codes if code not in (None, 0, -signal.SIGTERM)), None)
    cause = re.search(r"killed by signal: ([^.]*)", message)
    return f"died ({cause[1]})" if code is None and cause else describe_exit(code)


def _hang_error(fault: str) -> ResourceError:
    return ResourceError(
        "E405",
        f"the processes that cut windows {fault}",
        "a window in that time",
        "Look whether the cohort's disk answers, then start again: the last checkpoint is kept. "
        "training.workers=0 cuts windows in the training process.",
    )


def ignore_signals(worker: int) -> None:
    """Leave it to the training process to act on signals.

    Batch systems and Ctrl-C reach every process of the group: workers that die of it would take the step that
    is under way, and with it the save, along.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
