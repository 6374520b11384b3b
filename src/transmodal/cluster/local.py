"""A dask cluster of this machine's processes: one that is stopped is ended, and one that died is named."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from transmodal import processes

_log = logging.getLogger(__name__)


@contextmanager
def local_cluster(distributed: Any, n_workers: int) -> Iterator[str]:  # noqa: ANN401 - a package without types
    """Start a scheduler and workers on this machine; yield the address.

    Args:
        distributed: the package.
        n_workers: processes.
    """
    dask = import_module("dask")
    # Jobs may start processes of their own, which those of a daemon may not.
    with (
        dask.config.set({"distributed.worker.daemon": False}),
        distributed.LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            dashboard_address=None,
            host="127.0.0.1",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        attended(cluster.workers),
    ):
        yield cluster.scheduler_address


@contextmanager
def attended(nannies: Mapping[Any, Any]) -> Iterator[None]:
    """End workers that are stopped, and say which died, while the block runs; dask starts others and gives them the jobs.

    Args:
        nannies: of the workers, by a key that stays when a worker is started anew.
    """
    is_over = threading.Event()
    vigil = _Vigil(nannies)
    vigil.look()
    thread = threading.Thread(target=vigil.keep, args=(is_over,), daemon=True)
    with processes.ending_stopped(vigil.ids):
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()


class _Vigil:
    """A memory of each worker's process, so that its end can be told when there is another one.

    Args:
        nannies: of the workers, by key.
    """

    def __init__(self, nannies: Mapping[Any, Any]) -> None:
        self._nannies = nannies
        self._known: dict[Any, Any] = {}

    def ids(self) -> list[int]:
        """Return the ids of the processes that there are."""
        return [process.pid for process in self._processes().values() if process.pid is not None]

    def keep(self, is_over: threading.Event) -> None:
        """Look at the workers until it is over, and once more then."""
        while not is_over.wait(processes.LOOK_SECONDS / 2):
            self.look()
        self.look()

    def look(self) -> None:
        """Tell of workers that died since the last look."""
        for key, process in list(self._known.items()):
            if process.exitcode is not None:
                is_stopped = processes.was_stopped(process.pid)
                cause = processes.STOPPED if is_stopped else processes.describe_exit(process.exitcode)
                _log.warning("a worker of this machine %s: what it worked on is done again", cause)
                del self._known[key]
        self._known.update(self._processes())

    def _processes(self) -> dict[Any, Any]:
        """Return the workers' processes that live, as dask keeps them; one is not there while another takes its place."""
        started = {key: getattr(nanny.process, "process", None) for key, nanny in list(self._nannies.items())}
        return {
            key: process
            for key, process in started.items()
            if process is not None and process.exitcode is None
        }
