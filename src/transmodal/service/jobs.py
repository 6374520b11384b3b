"""Jobs: a record and a folder for each, which outlive the server; what has no whole record is removed."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from transmodal.errors import TransmodalError
from transmodal.service.refusals import bad_request, not_there, too_much
from transmodal.service.settings import Limits
from transmodal.storage import files, outputs

State = Literal["open", "queued", "running", "done", "failed"]
STATES: tuple[State, ...] = ("open", "queued", "running", "done", "failed")
Policy = Literal["refuse", "strict", "warn"]

RECORD = "job.json"
OUTCOME = "outcome.json"
OPEN_SECONDS = 900.0
"""How long a job waits for its sources and its start."""

_ID = re.compile(r"[0-9a-f]{32}")
_TICKET = re.compile(r"[A-Za-z0-9_-]{32}")


@dataclass(frozen=True, slots=True)
class ServiceJob:
    """One volume to synthesise.

    Attributes:
        id: 128 random bits; its folder has that name too.
        ticket: 192 random bits that stand in the address of its page.
        model: its name.
        gate: what becomes of a source unlike training's.
        state: how far it is.
        changed: seconds since 1970 when the state became what it is.
        sources: name of the file of each source that was uploaded, by modality; all are our own names.
        error: parts of the error that it failed with, by name.
        completed: windows that are complete.
        total: all windows; 0 before that is known.
    """

    id: str
    ticket: str
    model: str
    gate: Policy = "refuse"
    state: State = "open"
    changed: float = 0.0
    sources: Mapping[str, str] = field(default_factory=dict)
    error: Mapping[str, str] = field(default_factory=dict)
    completed: int = 0
    total: int = 0


class JobStore:
    """The jobs that there are, in memory and on the disk.

    Args:
        folder: of the jobs; what lies there with a whole record is taken over, other jobs are removed.
        limits: how many there may be, and how long.
        models: names of the models that there are.
        clock: seconds since 1970.
    """

    def __init__(
        self, folder: Path, limits: Limits, models: Mapping[str, Any], clock: Callable[[], float] = time.time
    ) -> None:
        self._folder, self._limits, self._clock = folder, limits, clock
        self._jobs = {job.id: job for job in _recover(folder, models)}
        self._tickets = {job.ticket: job.id for job in self._jobs.values()}
        self._receiving: set[str] = set()

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._jobs

    def create(self, model: str, gate: Policy) -> ServiceJob:
        """Begin a job.

        Raises:
            Refusal: 429 where there are as many as there may be.
            ResourceError: E403 where the folder cannot be written.
        """
        if len(self._jobs) >= self._limits.jobs:
            raise too_much(
                f"{len(self._jobs)} jobs",
                f"at most {self._limits.jobs} at a time",
                "Delete jobs whose results you have, or wait until they are removed.",
                429,
            )
        job = ServiceJob(secrets.token_hex(16), secrets.token_urlsafe(24), model, gate, "open", self._clock())
        self._tickets[job.ticket] = job.id
        try:
            with outputs.os_errors():
                self.folder_of(job).mkdir(mode=0o700)
            return self._keep(job)
        except TransmodalError:
            self.remove(job)
            raise

    def get(self, job_id: str) -> ServiceJob:
        """Return a job.

        Raises:
            Refusal: 404 where there is none.
        """
        job = self._jobs.get(job_id)
        if job is None:
            raise not_there(
                "no such job", "Begin one: POST /jobs. Jobs are removed some time after their end."
            )
        return job

    def of_ticket(self, ticket: str) -> ServiceJob:
        """Return the job whose page has a ticket.

        Raises:
            Refusal: 404 where there is none.
        """
        return self.get(self._tickets.get(ticket, ""))

    def advance(self, job: ServiceJob, state: State, error: Mapping[str, str] | None = None) -> ServiceJob:
        """Bring a job into another state."""
        return self._keep(replace(job, state=state, changed=self._clock(), error=dict(error or {})))

    def add_source(self, job: ServiceJob, modality: str, name: str) -> ServiceJob:
        """Record a source's file; that of another name before it is removed."""
        earlier = job.sources.get(modality, name)
        if earlier != name:
            (self.folder_of(job) / earlier).unlink(missing_ok=True)
        return self._keep(replace(job, sources={**job.sources, modality: name}))

    @contextmanager
    def receiving(self, job: ServiceJob) -> Iterator[None]:
        """Let a job take one upload at a time, during which it does not grow old.

        Raises:
            Refusal: 409 while another one comes.
        """
        if job.id in self._receiving:
            raise bad_request("a second upload at a time", "one upload per job", "Wait for the first.", 409)
        self._receiving.add(job.id)
        try:
            yield
        finally:
            self._receiving.discard(job.id)

    def count(self, job_id: str, completed: int, total: int) -> None:
        """Say how far a job is, in memory alone."""
        job = self._jobs.get(job_id)
        if job is not None:
            self._jobs[job_id] = replace(job, completed=completed, total=total)

    def remove(self, job: ServiceJob) -> None:
        """Remove a job with all that it has."""
        self._jobs.pop(job.id, None)
        self._tickets.pop(job.ticket, None)
        _remove_folder(self.folder_of(job))

    def remove_old(self) -> int:
        """Remove the jobs whose time is over; return how many."""
        old = [job for job in self._jobs.values() if self._is_old(job)]
        for job in old:
            self.remove(job)
        return len(old)

    def in_state(self, state: State) -> list[ServiceJob]:
        """Return the jobs in a state, the longest in it first."""
        return sorted(
            (job for job in self._jobs.values() if job.state == state), key=lambda job: (job.changed, job.id)
        )

    def counts(self) -> dict[str, int]:
        """Return how many jobs are in each state."""
        counts = Counter(job.state for job in self._jobs.values())
        return {state: counts[state] for state in STATES}

    def expires(self, job: ServiceJob) -> float | None:
        """Return when a job is removed, in seconds since 1970; None while it waits for its turn or is computed."""
        if job.state in ("queued", "running"):
            return None
        seconds = self._limits.keep_seconds
        return job.changed + (min(seconds, OPEN_SECONDS) if job.state == "open" else seconds)

    def folder_of(self, job: ServiceJob) -> Path:
        """Return the folder of a job."""
        return self._folder / job.id

    def _is_old(self, job: ServiceJob) -> bool:
        end = None if job.id in self._receiving else self.expires(job)
        return end is not None and self._clock() >= end

    def _keep(self, job: ServiceJob) -> ServiceJob:
        self._jobs[job.id] = job  # first: where the disk is full, the job goes on as far as it can
        files.write_json(self.folder_of(job) / RECORD, asdict(job))
        return job


def _recover(folder: Path, models: Mapping[str, Any]) -> list[ServiceJob]:
    """Return the jobs of an earlier server; those that it was computing wait for their turn again.

    Jobs without all of their record, without their model, or that were waiting for sources, are removed.
    """
    jobs = []
    for path in sorted(folder.iterdir()):
        if not _ID.fullmatch(path.name):
            continue  # not ours
        job = None if path.is_symlink() else _read(path)
        if job is None or job.model not in models or job.state == "open":
            _remove_folder(path)
            continue
        jobs.append(replace(job, state="queued") if job.state == "running" else job)
    return jobs


def _read(path: Path) -> ServiceJob | None:
    with suppress(TransmodalError, ValueError):
        job = TypeAdapter(ServiceJob).validate_python(files.read_json(path / RECORD))
        if job.id == path.name and _TICKET.fullmatch(job.ticket):
            return job
    return None


def _remove_folder(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path, ignore_errors=True)
