"""The runner with processes that are stand-ins; real ones are met in `test_server.py` and `test_routes.py`."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from transmodal.errors import InputError, ResourceError
from transmodal.service import refusals, runner, worker
from transmodal.service.counters import Counters
from transmodal.service.jobs import OUTCOME, JobStore, ServiceJob, State
from transmodal.service.refusals import Refusal
from transmodal.service.settings import Limits, Settings
from transmodal.storage import files

Work = Callable[[Callable[..., None]], None]
ERROR = {"code": "E101", "got": "a", "expected": "b", "remedy": "c"}


class StandIn:
    """A process that does its work as it starts, and lives for some looks."""

    LOOKS = 3

    def __init__(self, target: Callable[..., None], args: tuple[Any, ...], daemon: bool) -> None:
        self._target, self._args = target, args
        self.looks, self.exitcode = self.LOOKS, 0

    def start(self) -> None:
        try:
            self._target(*self._args)
        except SystemExit as end:
            self.exitcode = int(end.code or 0)

    def is_alive(self) -> bool:
        self.looks -= 1
        return self.looks > 0

    def kill(self) -> None:
        self.looks, self.exitcode = 0, -9

    def join(self, timeout: float | None = None) -> None: ...


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Set what stand-ins do in place of a job."""

    def change(function: Callable[..., None]) -> None:
        monkeypatch.setattr(worker, "work", function)
        monkeypatch.setattr(worker, "describe_models", function)
        context = SimpleNamespace(Process=StandIn, Pipe=multiprocessing.Pipe)
        monkeypatch.setattr(runner, "processes", lambda: context)

    return change


def settings_of(folder: Path, limits: Limits | None = None) -> Settings:
    return Settings({"fa": folder}, folder, limits=limits or Limits(seconds=600))


def finished(folder: Path, limits: Limits | None = None, n: int = 1) -> list[ServiceJob]:
    """Run jobs to their ends."""
    settings = settings_of(folder, limits)
    store, counters = JobStore(folder, settings.limits, settings.models), Counters()
    own = runner.Runner(settings, store, counters, has_page=False)
    jobs = [own.queue(store.create("fa", "refuse")) for _ in range(n)]

    async def until_done() -> None:
        task = asyncio.create_task(own.run())
        while store.in_state("queued") + store.in_state("running"):
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(until_done())
    assert "transmodal_job_seconds_total" in counters.text({})
    return [store.get(job.id) for job in jobs]


@pytest.mark.parametrize("looks", [3, 1], ids=["while it lives", "as it ends"])
def test_a_job_is_counted_and_done(
    looks: int, tmp_path: Path, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StandIn, "LOOKS", looks)

    def does(task: worker.JobWork, pipe: Connection) -> None:
        assert not (task.folder / "left").exists()
        pipe.send_bytes(worker.COUNT.pack(1, 5))
        pipe.send_bytes(worker.COUNT.pack(2, 5))
        files.write_json(task.folder / OUTCOME, {})

    work(does)
    (job,) = finished(tmp_path)
    assert (job.state, job.error, job.completed, job.total) == ("done", {}, 2, 5)


def test_what_an_earlier_attempt_left_is_cleared(tmp_path: Path) -> None:
    for name in ("view", "t1"):
        (tmp_path / name).mkdir()
    for name in (OUTCOME, worker.RESULT, worker.SIDECAR, "t1.nii", "job.json"):
        (tmp_path / name).touch()
    runner._clear(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["job.json", "t1.nii"]


def test_errors_of_a_job_are_its_own(tmp_path: Path, work: Work) -> None:
    def fails(task: worker.JobWork, pipe: Connection) -> None:
        files.write_json(task.folder / OUTCOME, {"error": ERROR, "place": "a.py:1"})

    work(fails)
    jobs = finished(tmp_path, n=3)
    assert [(job.state, job.error) for job in jobs] == [("failed", ERROR)] * 3


def test_a_process_that_dies_is_named(tmp_path: Path, work: Work) -> None:
    work(lambda task, pipe: None)
    (job,) = finished(tmp_path)
    assert job.error["code"] == "E402"
    assert "died with status 0" in job.error["got"]


def test_a_full_disk_is_no_process_that_died(tmp_path: Path, work: Work) -> None:
    def fails(task: worker.JobWork, pipe: Connection) -> None:
        worker.write_outcome(task.folder / "none" / "there", {})

    work(fails)
    (job,) = finished(tmp_path)
    assert (job.error["code"], job.error["expected"]) == ("E403", "room and permission")


def test_a_job_that_takes_too_long_is_ended(
    tmp_path: Path, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    work(lambda task, pipe: None)
    monkeypatch.setattr(StandIn, "is_alive", lambda self: self.exitcode == 0)
    (job,) = finished(tmp_path, Limits(seconds=0.1))
    assert job.error["code"] == "E406"
    assert "--job-seconds" in job.error["remedy"]


def test_a_failure_of_the_watch_fails_the_job_alone(tmp_path: Path, work: Work) -> None:
    def raises(error: Exception) -> Callable[..., None]:
        def function(task: worker.JobWork, pipe: Connection) -> None:
            raise error

        return function

    work(raises(RuntimeError("DOE")))
    (job,) = finished(tmp_path)
    assert job.error["code"] == "E601"
    assert "DOE" not in str(job.error)
    work(raises(InputError("E101", "a", "b", "c")))
    (job,) = finished(tmp_path)
    assert job.error == ERROR


def test_the_queue_is_limited_and_jobs_are_cancelled(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, Limits(queue=1))
    store = JobStore(tmp_path, settings.limits, settings.models)
    own = runner.Runner(settings, store, Counters(), has_page=False)
    first = own.queue(store.create("fa", "refuse"))
    second = store.create("fa", "refuse")
    with pytest.raises(Refusal) as caught:
        own.queue(second)
    assert caught.value.status == 503
    process = StandIn(print, (), daemon=False)
    own._processes[first.id] = process  # type: ignore[assignment]
    own.cancel(first)
    assert process.exitcode == -9
    assert first.id not in store
    assert own.queue(second).state == "queued"


def test_models_are_described_and_errors_raised_as_they_are(tmp_path: Path, work: Work) -> None:
    work(lambda models, device, engine, place: files.write_json(place, {"models": {"fa": {"a": 1}}}))
    assert runner.describe_models(settings_of(tmp_path)) == {"fa": {"a": 1}}
    work(lambda models, device, engine, place: files.write_json(place, {"error": ERROR}))
    with pytest.raises(InputError, match="a; expected b"):
        runner.describe_models(settings_of(tmp_path))
    work(lambda models, device, engine, place: None)
    with pytest.raises(ResourceError, match="loads the models"):
        runner.describe_models(settings_of(tmp_path))
    assert list(tmp_path.iterdir()) == []
    assert refusals.error_of(ERROR).code == "E101"


def test_processes_are_forks_of_a_clean_one_where_there_are_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert runner.processes().get_start_method() == "forkserver"
    monkeypatch.setattr(runner.multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    assert runner.processes().get_start_method() == "spawn"


def test_the_runner_outlives_a_full_disk(tmp_path: Path, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    work(lambda task, pipe: files.write_json(task.folder / OUTCOME, {}))
    monkeypatch.setattr(runner, "SWEEP_SECONDS", 0.01)
    failures, advance = [1, 2], JobStore.advance

    def fails(
        self: JobStore, job: ServiceJob, state: State, error: dict[str, str] | None = None
    ) -> ServiceJob:
        if state == "running" and failures:
            failures.pop()
            raise ResourceError("E403", "full", "room", "Free space.")
        return advance(self, job, state, error)

    monkeypatch.setattr(JobStore, "advance", fails)
    (job,) = finished(tmp_path)
    assert (job.state, failures) == ("done", [])


def test_what_a_deleted_job_writes_late_goes_too(tmp_path: Path, work: Work) -> None:
    settings = settings_of(tmp_path)
    store = JobStore(tmp_path, settings.limits, settings.models)
    own = runner.Runner(settings, store, Counters(), has_page=False)
    job = own.queue(store.create("fa", "refuse"))

    def writes_late(task: worker.JobWork, pipe: Connection) -> None:
        store.remove(job)
        task.folder.mkdir()
        (task.folder / "late").touch()

    work(writes_late)
    asyncio.run(own._compute(job))
    assert list(tmp_path.iterdir()) == []
