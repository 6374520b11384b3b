"""Work spread over processes: bounded, in no order, and the item that kills its process is named."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from typing import TypeVar

from transmodal.errors import ResourceError

_THREADS = ("OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""Variables that BLAS libraries read when they are loaded."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(
    work: Callable[[Item], Result], items: Mapping[str, Item], workers: int
) -> Iterator[tuple[str, Result]]:
    """Yield `(name, work(item))` as items get done; no more than `workers` are under way at once.

    Processes are spawned, so `work` is a function of a module and items can be pickled. With one
    worker, or one item, all is done in this process.

    Args:
        work: what is done to each item.
        items: by name.
        workers: processes.

    Raises:
        ResourceError: E402 naming the item whose process died: killed, mostly for lack of memory.
    """
    if workers <= 1 or len(items) <= 1:
        for name, item in items.items():
            yield name, work(item)
        return
    waiting = deque(items)
    while waiting:
        suspects = yield from _run_together(work, items, waiting, workers)
        # One of these took its process down, and the pool with it. Run alone, that item is found.
        for name in suspects:
            yield name, _run_alone(work, items[name], name)


def _run_together(
    work: Callable[[Item], Result], items: Mapping[str, Item], waiting: deque[str], workers: int
) -> Generator[tuple[str, Result], None, list[str]]:
    """Work until all is done or a process dies; return the names that were under way then."""
    running: dict[Future[Result], str] = {}
    pool = _pool(min(workers, len(waiting)))
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                name = waiting.popleft()
                try:
                    with _one_thread_each():
                        running[pool.submit(work, items[name])] = name
                except BrokenProcessPool:
                    return [*running.values(), name]
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                try:
                    result = future.result()
                except BrokenProcessPool:
                    return list(running.values())
                yield running.pop(future), result
        return []
    finally:
        pool.shutdown(cancel_futures=True)


def _run_alone(work: Callable[[Item], Result], item: Item, name: str) -> Result:
    with _pool(1) as pool:
        try:
            with _one_thread_each():
                future = pool.submit(work, item)
            return future.result()
        except BrokenProcessPool as error:
            raise ResourceError(
                "E402",
                f"the process that worked on {name} died",
                "a process that ends by itself",
                "Most often memory ran out: free some, or give fewer workers; what is done is kept. "
                "A script that asks for workers has to do so under `if __name__ == '__main__':`.",
            ) from error


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
