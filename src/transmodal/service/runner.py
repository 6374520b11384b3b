"""Runs jobs: each in a process of its own, that is watched, counted and ended; a server that stops leaves them queued."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transmodal.errors import ResourceError, TransmodalError
from transmodal.processes import death_error, describe_exit
from transmodal.service import logs, refusals, worker
from transmodal.service.counters import Counters
from transmodal.service.jobs import OUTCOME, JobStore, ServiceJob
from transmodal.service.refusals import too_much
from transmodal.service.settings import Settings
from transmodal.storage import files

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext

LOOK_SECONDS = 0.05
SWEEP_SECONDS = 1.0
START_SECONDS = 300.0
"""How long all models may take to load when the server starts."""

_PRELOAD = [
    "transmodal.inference.load",
    "transmodal.cohorts.headers.source_facts",
    "transmodal.viewing.page",
    "torch._dynamo",  # which torch imports as it first computes, for seconds
]


def processes() -> ForkServerContext | SpawnContext:
    """Return the context that makes processes: forks of one that has imported torch and nothing else, where there are forks.

    They inherit no connection, no token and no thread of the server.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    return context


def describe_models(settings: Settings) -> dict[str, dict[str, Any]]:
    """Load every model once, in a process of its own, and return what clients may know of it by name.

    Raises:
        TransmodalError: as `inference.load.load`.
        ResourceError: E402, E405 where that process dies.
    """
    with tempfile.TemporaryDirectory(dir=settings.folder) as folder:
        place = Path(folder) / OUTCOME
        arguments = (dict(settings.models), settings.device, settings.engine, place)
        process = processes().Process(target=worker.describe_models, args=arguments, daemon=True)
        process.start()
        process.join(START_SECONDS)
        _end(process)
        if not place.exists():
            raise _death(process, "the process that loads the models")
        outcome = files.read_json(place)
    if "error" in outcome:
        raise refusals.error_of(outcome["error"])
    facts: dict[str, dict[str, Any]] = outcome["models"]
    return facts


class Runner:
    """Takes queued jobs in turn, and removes those whose time is over.

    Args:
        settings: of the service.
        store: of the jobs.
        counters: that count how jobs end.
        has_page: whether jobs get a page.
    """

    def __init__(self, settings: Settings, store: JobStore, counters: Counters, *, has_page: bool) -> None:
        self._settings, self._store, self._counters, self._has_page = settings, store, counters, has_page
        self._processes: dict[str, BaseProcess] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._swept = 0.0

    def queue(self, job: ServiceJob) -> ServiceJob:
        """Let a job wait for its turn.

        Raises:
            Refusal: 503 where as many wait as may.
        """
        n_waiting = len(self._store.in_state("queued"))
        if n_waiting >= self._settings.limits.queue:
            raise too_much(
                f"{n_waiting} jobs that wait for their turn",
                f"at most {self._settings.limits.queue}",
                "Start this one again later.",
                503,
            )
        return self._store.advance(job, "queued")

    def cancel(self, job: ServiceJob) -> None:
        """End a job's process, if it has one, and remove the job."""
        process = self._processes.get(job.id)
        if process is not None:
            process.kill()
        self._store.remove(job)

    async def run(self) -> None:
        """Work until this is cancelled; the jobs that were computed then wait for their turn again."""
        try:
            while True:
                try:
                    self._begin_jobs()
                    self._sweep()
                except (TransmodalError, OSError) as error:  # such as a full disk, which may have room again
                    logs.event("runner waits", {"exception": type(error).__name__})
                    await asyncio.sleep(SWEEP_SECONDS)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for task in self._tasks:
                task.cancel()
            for process in list(self._processes.values()):
                await asyncio.to_thread(_end, process)

    def _begin_jobs(self) -> None:
        """Begin the jobs whose turn it is."""
        for job in self._store.in_state("queued"):
            if len(self._tasks) >= self._settings.limits.workers:
                return
            task = asyncio.create_task(self._compute(self._store.advance(job, "running")))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _sweep(self) -> None:
        """Remove the jobs whose time is over, now and then."""
        if time.monotonic() - self._swept < SWEEP_SECONDS:
            return
        self._swept = time.monotonic()
        if n_removed := self._store.remove_old():
            logs.event("jobs removed", {"number": n_removed})

    async def _compute(self, job: ServiceJob) -> None:
        """Compute one job to its end, whatever that is."""
        began = time.monotonic()
        try:
            error = await self._attempt(job, began)
        except asyncio.CancelledError:
            raise
        except Exception as failure:
            error = {**_bug(failure), "place": "server"}
        seconds = time.monotonic() - began
        if job.id not in self._store:  # deleted meanwhile
            self._store.remove(job)  # again: its process may have written until it ended
            return
        place, end = error.pop("place", ""), "failed" if error else "done"
        with suppress(TransmodalError):  # where the disk is full, the state stands in memory
            self._store.advance(self._store.get(job.id), "failed" if error else "done", error)
        self._counters.count_job(end, seconds)
        logs.event(
            "job ended",
            {
                "job": logs.mark(job.id),
                "model": job.model,
                "end": end,
                "code": error.get("code", ""),
                "place": place,
                "seconds": round(seconds, 3),
            },
        )

    async def _attempt(self, job: ServiceJob, began: float) -> dict[str, str]:
        """Return the parts of the error that a job fails with; none where it is done."""
        folder, limits = self._store.folder_of(job), self._settings.limits
        _clear(folder)
        context = processes()
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=worker.work, args=(self._task_of(job), sender), daemon=False)
        try:
            await asyncio.to_thread(process.start)
            sender.close()
            self._processes[job.id] = process
            while process.is_alive() and time.monotonic() - began < limits.seconds:
                self._count(job, receiver)
                await asyncio.sleep(LOOK_SECONDS)
            is_late = process.is_alive()
            await asyncio.to_thread(_end, process)
            self._count(job, receiver)  # what it said between the last look and its end
        finally:
            if process.is_alive():
                process.kill()
            self._processes.pop(job.id, None)
            receiver.close()
            sender.close()
        if is_late:
            return refusals.describe(_late_error(limits.seconds))
        return self._outcome(folder, process)

    def _outcome(self, folder: Path, process: BaseProcess) -> dict[str, str]:
        if not (folder / OUTCOME).exists():
            is_full = process.exitcode == worker.NO_ROOM
            return refusals.describe(
                refusals.place_error() if is_full else _death(process, "the process that computed the job")
            )
        outcome = files.read_json(folder / OUTCOME)
        parts = {**outcome.get("error", {}), **({"place": outcome["place"]} if "place" in outcome else {})}
        return {str(name): str(text) for name, text in parts.items()}

    def _task_of(self, job: ServiceJob) -> worker.JobWork:
        settings, limits = self._settings, self._settings.limits
        return worker.JobWork(
            self._store.folder_of(job),
            settings.models[job.model],
            dict(job.sources),
            job.gate,
            self._has_page,
            settings.device,
            settings.engine,
            limits.memory_bytes,
            int(limits.seconds * (os.cpu_count() or 1)) + 1,
        )

    def _count(self, job: ServiceJob, receiver: Connection) -> None:
        """Take what the process says of how far it is."""
        message = b""
        with suppress(EOFError, OSError):
            while receiver.poll():
                message = receiver.recv_bytes(worker.COUNT.size)
        if len(message) == worker.COUNT.size:
            self._store.count(job.id, *worker.COUNT.unpack(message))


def _clear(folder: Path) -> None:
    """Remove what an earlier attempt left in a job's folder: all folders are its own, uploads are files."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
    for name in (OUTCOME, worker.RESULT, worker.SIDECAR):
        (folder / name).unlink(missing_ok=True)


def _end(process: BaseProcess) -> None:
    if process.is_alive():
        process.kill()
    process.join()


def _death(process: BaseProcess, name: str) -> ResourceError:
    return death_error(
        f"{name} {describe_exit(process.exitcode)}",
        was_stopped=False,
        advice="Most often memory or time ran out: crop the volume, or ask for more of them; then send it again.",
    )


def _late_error(seconds: float) -> ResourceError:
    return ResourceError(
        "E406",
        f"a job of more than {seconds:g} seconds",
        f"at most {seconds:g} seconds",
        "Crop the volume, or ask for more time: the service's --job-seconds.",
    )


def _bug(failure: Exception) -> Mapping[str, str]:
    if isinstance(failure, TransmodalError):
        return refusals.describe(failure)
    return {
        "code": "E601",
        "got": f"{type(failure).__name__} while the job was watched",
        "expected": "a result",
        "remedy": "Report it, with the version of transmodal.",
    }
