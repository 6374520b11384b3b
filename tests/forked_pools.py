"""Pools whose processes are forked from one that has imported the package: tests begin hundreds, and each would import it anew."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing.reduction import DupFd

from transmodal import parallel
from transmodal.experiments import pool
from transmodal.service import runner

_PRELOADED = [
    *runner._PRELOAD,
    "transmodal.cohorts.prepare.case_jobs",
    "transmodal.cohorts.simulation.releases",
    "transmodal.evaluation.casewise",
    "transmodal.evaluation.cohort_report.draw",
    "transmodal.experiments.trial",
]
"""Of pools and of the service: a process of tests has one process to fork others from."""

spawned_pool = parallel._pool
"""What the package begins its pools with."""
spawned_experiments = pool._pool
"""What it begins pools of experiments with."""


def forked_pool(workers: int) -> ProcessPoolExecutor:
    """Begin a pool as the package does, but from a process that waits with everything imported."""
    return _forked(workers, parallel._die_with_parent)


def forked_experiments(workers: int, threads: int) -> ProcessPoolExecutor:
    """Begin a pool of experiments in the same way."""
    return _forked(workers, partial(pool._begin, threads))


def _forked(workers: int, begin: Callable[[], None]) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return ProcessPoolExecutor(
        workers, mp_context=context, initializer=_begin, initargs=(begin, dict(os.environ), _Outputs())
    )


class _Outputs:
    """The test's standard output and error, which a process takes over: the one that it is forked from has others."""

    def __reduce__(self) -> tuple[object, ...]:
        return _take_over, (DupFd(1), DupFd(2))


def _take_over(*descriptors: object) -> _Outputs:
    for number, descriptor in enumerate(descriptors, start=1):
        os.dup2(descriptor.detach(), number)  # type: ignore[attr-defined]  # whatever `DupFd` gives
    return _Outputs()


def _begin(begin: Callable[[], None], environment: dict[str, str], _: _Outputs) -> None:
    """Take over the environment of the test, and begin as the pool does; nothing waits for the disk here either."""
    os.environ.clear()
    os.environ.update(environment)
    os.fsync = lambda _: None
    begin()
