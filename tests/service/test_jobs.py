from __future__ import annotations

import json
from pathlib import Path

import pytest

from transmodal.errors import ResourceError
from transmodal.service import jobs
from transmodal.service.jobs import OPEN_SECONDS, JobStore
from transmodal.service.refusals import Refusal
from transmodal.service.settings import Limits


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def store_of(folder: Path, clock: Clock | None = None, jobs: int = 3) -> JobStore:
    return JobStore(folder, Limits(jobs=jobs, keep_seconds=2000), {"fa": 1}, clock or Clock())


def test_jobs_are_many_and_not_to_be_guessed(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    jobs = [store.create("fa", "refuse") for _ in range(3)]
    assert len({job.id for job in jobs} | {job.ticket for job in jobs}) == 6
    with pytest.raises(Refusal) as caught:
        store.create("fa", "refuse")
    assert caught.value.status == 429
    store.remove(jobs[0])
    assert jobs[0].id not in store
    assert store.create("fa", "warn").gate == "warn"
    for wrong in ("", "../x", jobs[0].id, jobs[1].ticket):
        with pytest.raises(Refusal):
            store.get(wrong)
    assert store.of_ticket(jobs[1].ticket) == jobs[1]
    with pytest.raises(Refusal):
        store.of_ticket(jobs[0].ticket)


def test_another_source_takes_the_place_of_the_first(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    job = store.create("fa", "refuse")
    (store.folder_of(job) / "t1.nii").touch()
    job = store.add_source(job, "t1", "t1.nii")
    job = store.add_source(job, "t1", "t1.nii")
    assert (store.folder_of(job) / "t1.nii").exists()
    job = store.add_source(job, "t1", "t1.mha")
    assert not (store.folder_of(job) / "t1.nii").exists()
    assert store.get(job.id).sources == {"t1": "t1.mha"}


def test_jobs_are_removed_when_their_time_is_over(tmp_path: Path) -> None:
    clock = Clock()
    store = store_of(tmp_path, clock, jobs=9)
    left_open, queued, done = (store.create("fa", "refuse") for _ in range(3))
    store.advance(queued, "queued")
    done = store.advance(done, "done")
    assert store.expires(done) == 3000
    assert store.expires(store.get(queued.id)) is None
    assert store.counts() == {"open": 1, "queued": 1, "running": 0, "done": 1, "failed": 0}
    assert store.remove_old() == 0
    clock.seconds += OPEN_SECONDS
    assert store.remove_old() == 1
    assert left_open.id not in store
    clock.seconds = 3000
    assert store.remove_old() == 1
    assert [path.name for path in tmp_path.iterdir()] == [queued.id]


def test_counts_are_of_jobs_that_there_are(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    job = store.create("fa", "refuse")
    store.count(job.id, 3, 7)
    store.count("gone", 3, 7)
    assert (store.get(job.id).completed, store.get(job.id).total) == (3, 7)


def test_a_new_server_takes_over_what_is_whole_and_removes_the_remainder(tmp_path: Path) -> None:
    store = store_of(tmp_path, jobs=10)
    left_open, queued, running, done, failed, other, torn, odd, moved = (
        store.create("fa", "refuse") for _ in range(9)
    )
    for job, state in ((queued, "queued"), (running, "running"), (done, "done")):
        store.advance(job, state)  # type: ignore[arg-type]
    store.advance(failed, "failed", {"code": "E101", "got": "a", "expected": "b", "remedy": "c"})
    record = tmp_path / other.id / "job.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "model": "gone", "state": "done"}))
    (tmp_path / torn.id / "job.json").write_text('{"id": ')
    record = tmp_path / odd.id / "job.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "state": "done", "changed": "yesterday"}))
    (tmp_path / moved.id).rename(tmp_path / ("0" * 32))
    (tmp_path / ("1" * 32)).symlink_to(tmp_path.parent)
    (tmp_path / ("2" * 32)).touch()
    linked = store.advance(store.create("fa", "refuse"), "done")
    (tmp_path / linked.id).rename(tmp_path.parent / "elsewhere")
    (tmp_path / linked.id).symlink_to(tmp_path.parent / "elsewhere")
    (tmp_path / "notes").mkdir()
    again = store_of(tmp_path)
    assert {job.id for job in again.in_state("queued")} == {queued.id, running.id}
    assert again.get(failed.id).error["code"] == "E101"
    assert again.of_ticket(done.ticket).state == "done"
    kept = {queued.id, running.id, done.id, failed.id, "notes"}
    assert {path.name for path in tmp_path.iterdir()} == kept
    assert left_open.id not in again
    assert linked.id not in again
    assert (tmp_path.parent / "elsewhere" / "job.json").exists()


def test_a_job_takes_one_upload_at_a_time_and_does_not_grow_old_meanwhile(tmp_path: Path) -> None:
    clock = Clock()
    store = store_of(tmp_path, clock)
    job = store.create("fa", "refuse")
    with store.receiving(job):
        with pytest.raises(Refusal) as caught, store.receiving(job):
            pass
        assert caught.value.status == 409
        clock.seconds += 10 * OPEN_SECONDS
        assert store.remove_old() == 0
    with store.receiving(job):
        pass
    assert store.remove_old() == 1


def test_a_job_that_cannot_be_written_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_of(tmp_path)
    job = store.create("fa", "refuse")

    def fails(*_: object) -> None:
        raise ResourceError("E403", "full", "room", "Free space.")

    monkeypatch.setattr(jobs.files, "write_json", fails)
    with pytest.raises(ResourceError):
        store.create("fa", "refuse")
    assert [path.name for path in tmp_path.iterdir()] == [job.id]
    with pytest.raises(ResourceError):
        store.advance(job, "done")
    assert store.get(job.id).state == "done"
