"""Work spread over processes: bounded, in no order, and the item that kills its process is named."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from multiprocessing import connection, get_context, parent_process
from multiprocessing.process import BaseProcess
from typing import Protocol, TypeVar

from transmodal.errors import ResourceError
from transmodal.processes import (
    STOPPED,
    death_error,
    describe_exit,
    ending_stopped,
    holding_signals,
    was_stopped,
)

GRACE_SECONDS = 10.0
"""How long the other processes of a pool have to end by themselves when one died."""

_THREADS = ("OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""What BLAS libraries read when they are loaded."""

_log = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")
Result = TypeVar("Result")


class Crew(Protocol):
    """Processes that are there already, on this machine or on others, and take the place of the pools here."""

    def run(self, work: Callable[[Item], Result], items: Mapping[Key, Item]) -> Iterator[tuple[Key, Result]]:
        """Yield `(key, work(item))` as items get done, in no order.

        Raises:
            ResourceError: E402 naming an item whose processes died.
            BaseException: of the work; items that were not begun are not begun then.
        """


_CREW: ContextVar[Crew | None] = ContextVar("crew", default=None)


@contextmanager
def employing(crew: Crew) -> Iterator[None]:
    """Let a crew do all work that is spread while the block runs."""
    before = _CREW.set(crew)
    try:
        yield
    finally:
        _CREW.reset(before)


def current_crew() -> Crew | None:
    """Return the crew that does the work; None where pools of this machine do."""
    return _CREW.get()


class PoolDeathError(Exception):
    """A process of a pool died, and took the pool with it.

    Attributes:
        keys: of the items that were under way.
        cause: what became of the process, in words, such as `died of SIGKILL`.
        was_stopped: whether it was ended because it was stopped.
    """

    def __init__(self, keys: Sequence[Hashable], cause: str, *, was_stopped: bool) -> None:
        self.keys = keys
        self.cause = cause
        self.was_stopped = was_stopped
        super().__init__(f"a process {cause}")

    def name(self, process: str) -> ResourceError:
        """Return the error to raise for a process, such as `the process that worked on case-3`."""
        return death_error(f"{process} {self.cause}", was_stopped=self.was_stopped)


def spread(
    work: Callable[[Item], Result], items: Mapping[str, Item], workers: int
) -> Iterator[tuple[str, Result]]:
    """Yield `(name, work(item))` as items get done; no more than `workers` are under way at once.

    Processes are spawned, so `work` is a function of a module and items can be pickled. With one
    worker, or one item, all is done in this process; with a crew, all is done by it.

    Args:
        work: what is done to each item.
        items: by name.
        workers: processes; a crew has its own.

    Raises:
        ResourceError: E402 naming the item whose process died: killed, mostly for lack of memory; E405 where it was
            stopped and did not go on.
    """
    crew = current_crew()
    if crew is not None:
        yield from crew.run(work, items)
        return
    if workers <= 1 or len(items) <= 1:
        for name, item in items.items():
            yield name, work(item)
        return
    waiting = deque(items)
    while waiting:
        n_processes = min(workers, len(waiting))
        try:
            yield from run_pool(_pool(n_processes), work, items, waiting, n_processes, _one_thread_each)
            return
        except PoolDeathError as death:
            suspects = [name for name in items if name in death.keys]
            # One of these took its process down, and the pool with it. Alone, the guilty one shows itself.
            why = STOPPED if death.was_stopped else death.cause
            _log.warning("A process %s: going on with %s alone.", why, " and ".join(suspects))
        for name in suspects:
            yield from _run_alone(work, items, name)


def run_pool(
    pool: ProcessPoolExecutor,
    work: Callable[[Item], Result],
    items: Mapping[Key, Item],
    waiting: deque[Key],
    workers: int,
    environment: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[tuple[Key, Result]]:
    """Yield `(key, work(item))` until all is done or a process dies; then the pool is shut down.

    Args:
        pool: does the work.
        work: what is done to each item.
        items: by key.
        waiting: keys of the items that are to be done; they are taken from it when they are begun.
        workers: items at once.
        environment: that processes are started in.

    Raises:
        PoolDeathError: when a process dies, or is ended because it was stopped.
        BaseException: of the work; items that were not begun are not begun then.
    """
    running: dict[Future[Result], Key] = {}
    under_way: list[Key] = []
    processes: dict[int, BaseProcess] = {}
    try:
        with ending_stopped(lambda: list(processes)), _shutting_down(pool, processes):
            while waiting or running:
                while waiting and len(running) < workers:
                    under_way.append(waiting.popleft())
                    with holding_signals(), environment():
                        future = pool.submit(work, items[under_way[-1]])
                    running[future] = under_way[-1]
                    processes.update(getattr(pool, "_processes", None) or {})
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    result = future.result()
                    key = running.pop(future)
                    under_way.remove(key)
                    yield key, result
    except BrokenProcessPool as error:
        raise _death(under_way, list(processes.values())) from error


@contextmanager
def _shutting_down(pool: ProcessPoolExecutor, processes: Mapping[int, BaseProcess]) -> Iterator[None]:
    """Shut a pool down when the block is left; where it broke, processes that go on nevertheless are killed."""

    def kill() -> None:
        for process in processes.values():
            process.kill()

    timer = threading.Timer(GRACE_SECONDS, kill)
    try:
        yield
    except BrokenProcessPool:
        timer.start()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        timer.cancel()


def name_of(key: Hashable) -> str:
    """Return the name of an item by its key, for a message."""
    return " ".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _run_alone(
    work: Callable[[Item], Result], items: Mapping[str, Item], name: str
) -> Iterator[tuple[str, Result]]:
    try:
        yield from run_pool(_pool(1), work, items, deque([name]), 1, _one_thread_each)
    except PoolDeathError as death:
        raise death.name(f"the process that worked on {name}") from death


def _death(keys: Sequence[Hashable], processes: Sequence[BaseProcess]) -> PoolDeathError:
    """Return what became of the process that broke a pool, once all have ended."""
    stopped = [process for process in processes if was_stopped(process.pid)]
    # The others were asked to end (SIGTERM), and killed where they did not.
    codes = {process.exitcode for process in stopped or processes}
    follow_up = (-signal.SIGKILL, -signal.SIGTERM, None, 0)
    code = next(iter(codes - {*follow_up} or [code for code in follow_up if code in codes]), None)
    return PoolDeathError(keys, describe_exit(code), was_stopped=bool(stopped))


def _pool(workers: int) -> ProcessPoolExecutor:
    # Spawned, not forked: a fork of a process with threads (BLAS, ITK) can hang.
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_die_with_parent)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let the processes that are started here use one thread each, unless the environment says how many.

    The processes are what fills the cores: small matrix products on threads beside them take ten times as long.
    """
    ours = [name for name in _THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(ours, "1"))
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


def _die_with_parent() -> None:
    """End this worker when its parent is gone, so that nothing writes on after a kill."""
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(sentinel: int) -> None:  # pragma: no cover - ends its process
    connection.wait([sentinel])
    os._exit(1)
