"""A dask cluster of two worker processes: nothing is lost when one is killed, and the bytes are those of one process."""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import cluster_jobs
import transmodal
from cluster_jobs import Job, lines, work
from patience import wait_for
from subject_files import write_blob
from transmodal import cli, parallel
from transmodal.cluster import crew
from transmodal.cluster.crew import working_on
from transmodal.errors import InputError, ResourceError, UsageError

pytest.importorskip("distributed", reason="is of the extra `cluster`")


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with cluster_jobs.cluster(tmp_path_factory.mktemp("cluster"), 2) as file:
        yield str(file)


def test_a_killed_worker_loses_nothing_and_does_nothing_twice(scheduler: str, tmp_path: Path) -> None:
    items = {name: Job(str(tmp_path), name, waits=name == "slow") for name in ("slow", "b", "c", "d", "e")}
    results: dict[str, str] = {}
    with working_on(scheduler, [tmp_path]):
        for name, result in parallel.spread(work, items, 1):
            results[name] = result
            if len(results) == 1:
                wait_for(lambda: "slow" in dict(_begun(tmp_path)))
                os.kill(dict(_begun(tmp_path))["slow"], signal.SIGKILL)
                wait_for(lambda: len([1 for name, _ in _begun(tmp_path) if name == "slow"]) == 2)
                (tmp_path / "go").touch()
    assert results == {name: name.upper() for name in items}
    assert sorted(name for name, _ in lines(tmp_path, "done")) == sorted(items)
    assert sorted(name for name, _ in _begun(tmp_path)) == ["b", "c", "d", "e", "slow", "slow"]
    assert list(tmp_path.glob(".partial*")) == []


def _begun(folder: Path) -> list[tuple[str, int]]:
    return lines(folder, "begin")


def test_a_job_that_kills_its_workers_is_named_and_the_others_are_done(
    scheduler: str, caplog: pytest.LogCaptureFixture
) -> None:
    done: dict[str, None] = {}
    items = {"bad": signal.SIGKILL, "good": 0, "fine": 0}
    with (
        working_on(scheduler),
        pytest.raises(ResourceError, match="the processes that worked on bad died, on 2 workers") as caught,
    ):
        done.update(parallel.spread(signal.raise_signal, items, 1))
    assert caught.value.code == "E402"
    assert done == {"good": None, "fine": None}
    assert "bad was on 2 workers when they died" in caplog.text


def test_what_is_not_wanted_any_more_is_ended(scheduler: str, tmp_path: Path) -> None:
    items = {name: Job(str(tmp_path), name, waits=name != "first") for name in ("first", "b", "c", "d")}
    with working_on(scheduler, [tmp_path]):
        jobs = parallel.spread(work, items, 1)
        assert next(jobs) == ("first", "FIRST")
        wait_for(lambda: len(_begun(tmp_path)) == 3)
        jobs.close()  # type: ignore[attr-defined]  # a generator
        waiting = [process for name, process in _begun(tmp_path) if name != "first"]
        wait_for(lambda: not any(Path(f"/proc/{process}").exists() for process in waiting))
    assert len(_begun(tmp_path)) == 3
    assert lines(tmp_path, "done") == [("first", dict(_begun(tmp_path))["first"])]


def test_an_error_of_a_job_travels_whole(scheduler: str) -> None:
    with working_on(scheduler), pytest.raises(InputError, match="no t1; expected a file") as caught:
        next(parallel.spread(cluster_jobs.refuse, {"a": "t1"}, 1))
    assert caught.value.code == "E100"


def test_a_worker_of_other_versions_is_refused(scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "versions", lambda: (("transmodal", "0.0.9, code 123"),))
    with working_on(scheduler), pytest.raises(ResourceError, match="code 123") as caught:
        next(parallel.spread(abs, {"a": -1}, 1))
    assert caught.value.code == "E409"
    assert caught.value.line().count("\n") == 0


def test_a_preparation_on_a_cluster_has_the_bytes_of_one_process(
    scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for seed in range(3):
        write_blob(Path("subjects") / f"case-{seed}", seed)
    # The key of the patients' marks is drawn where none is named.
    words = [
        "prepare",
        "folders",
        "subjects",
        "--region",
        "t1=body",
        "--counts",
        "1:1:1",
        "--mark-key",
        "key",
    ]
    assert cli.run([*words, "-o", "one/cohort", "--workers", "1"]) == 0
    assert cli.run([*words, "-o", "two/cohort", "--scheduler", scheduler]) == 0
    assert _files(tmp_path / "one") == _files(tmp_path / "two")
    transmodal.prepare(
        "folders",
        "subjects",
        "three/cohort",
        region=["t1=body"],
        counts="1:1:1",
        mark_key="key",
        scheduler=scheduler,
    )
    assert _files(tmp_path / "one") == _files(tmp_path / "three")


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "CONNECT_SECONDS", 0.3)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(ResourceError, match="does not answer") as caught, working_on(address):
            pass
    assert caught.value.code == "E408"
    assert address in caught.value.got
    assert "dask scheduler" in caught.value.remedy


@pytest.mark.parametrize("word", ["host:8786", "tcp://host", "local:0", "locally", "http://host:1"])
def test_what_names_no_scheduler_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="local:N") as caught, working_on(word):
        pass
    assert caught.value.code == "E001"


def test_a_file_without_an_address_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    file.write_text('{"id": "x"}')
    with pytest.raises(UsageError, match="without an address"), working_on(str(file)):
        pass
    with (
        pytest.raises(InputError, match=r"no\.json") as caught,
        working_on(str(tmp_path / "no.json")),
    ):
        pass
    assert caught.value.code == "E100"


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(ResourceError, match=r"transmodal\[cluster\]") as caught, working_on("local"):
        pass
    assert caught.value.code == "E404"


def test_a_scheduler_that_takes_no_leave_in_time_undoes_nothing(
    scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "CLOSE_SECONDS", 0.0)
    with working_on(scheduler):
        results = dict(parallel.spread(abs, {"a": -1}, 1))
    assert results == {"a": 1}


def test_ctrl_c_waits_while_dask_is_called_and_ends_the_wait_for_a_job(
    scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    called: list[str] = []

    def interrupted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def inner(*words: Any, **named: Any) -> Any:  # noqa: ANN401 - as the call
            signal.raise_signal(signal.SIGINT)
            result = call(*words, **named)
            called.append(name)
            return result

        return inner

    try:
        with working_on(scheduler, [tmp_path]):
            employed: Any = parallel.current_crew()
            submit = employed._client.submit
            monkeypatch.setattr(employed._client, "submit", interrupted("submit", submit))
            with pytest.raises(KeyboardInterrupt):
                next(parallel.spread(work, {"a": Job(str(tmp_path), "a", waits=True)}, 1))
            assert called == ["submit"]
            monkeypatch.setattr(employed._client, "submit", submit)
            jobs = parallel.spread(work, {"b": Job(str(tmp_path), "b", waits=True)}, 1)
            monkeypatch.setattr(
                crew, "time", SimpleNamespace(sleep=lambda _: signal.raise_signal(signal.SIGINT))
            )
            with pytest.raises(KeyboardInterrupt):
                next(jobs)
    finally:
        signal.signal(signal.SIGINT, before)


def test_callbacks_that_fail_inside_dask_are_not_shown(
    scheduler: str, caplog: pytest.LogCaptureFixture
) -> None:
    with working_on(scheduler):
        logging.getLogger("tornado.application").error("Exception in callback", exc_info=NameError("future"))
    assert caplog.text == ""
    logging.getLogger("tornado.application").error("shown again")
    assert "shown again" in caplog.text
