"""A pool of spawned processes for work that takes hours: each with its own threads, none outlives its parent."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TypeVar

import torch

from transmodal.parallel import PoolDeathError, current_crew, name_of, run_pool

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")
Result = TypeVar("Result")


def run_parallel(
    work: Callable[[Item], Result],
    items: Mapping[Key, Item],
    *,
    workers: int,
    threads: int,
    report: Callable[[Key, Result], None] | None = None,
) -> dict[Key, Result]:
    """Work on every item in a pool of spawned processes, which end with this one however it ends, or by a crew.

    Args:
        work: a function of a module, so that it can travel.
        items: by key, in the order in which they are started.
        workers: items at once; a crew has its own processes.
        threads: of torch, per item.
        report: called with every item's key and result when it is complete.

    Returns:
        Results by key, in the order of the items.

    Raises:
        ResourceError: E402 when a process dies, E405 when one is stopped and does not go on.
        BaseException: of the work; items that were not begun are not begun then.
    """
    results: dict[Key, Result] = {}
    crew = current_crew()
    completions = (
        _run_pool(work, items, workers, threads)
        if crew is None
        else crew.run(partial(work_with_threads, work, threads), items)
    )
    for key, result in completions:
        results[key] = result
        if report is not None:
            report(key, result)
    return {key: results[key] for key in items}


def work_with_threads(work: Callable[[Item], Result], threads: int, item: Item) -> Result:
    """Work on an item with so many threads of torch, in a process that may have others."""
    torch.set_num_threads(threads)
    return work(item)


def _run_pool(
    work: Callable[[Item], Result], items: Mapping[Key, Item], workers: int, threads: int
) -> Iterator[tuple[Key, Result]]:
    try:
        yield from run_pool(_pool(workers, threads), work, items, deque(items), workers)
    except PoolDeathError as death:
        names = " or ".join(name_of(key) for key in death.keys)
        raise death.name(f"the process that worked on {names}") from death


def _pool(workers: int, threads: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin, initargs=(threads,)
    )


def _begin(threads: int) -> None:
    torch.set_num_threads(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process with the one that started it: nobody would wait for its work, and another may want its folder.

    Checkpoints are written whole or not at all, so a training can be ended at any time.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(143)
