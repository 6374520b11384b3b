"""The server from its start to its end: tokens, folders, deaths and restarts, in processes of their own."""

from __future__ import annotations

import fcntl
import os
import queue
import resource
import signal
import socket
import stat
import threading
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import uvicorn

import transmodal
from patience import PATIENCE_SECONDS, wait_for
from served import RUN, SOURCE, Served, serving
from transmodal.errors import UsageError
from transmodal.service import server
from transmodal.service.settings import Settings
from transmodal.volumes import Volume, io

TOKEN = "a-token-of-27-signs-or-more"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A source that takes seconds."""
    path = tmp_path_factory.mktemp("large") / "t1.nii"
    voxels = np.random.default_rng(0).integers(0, 900, (160, 160, 200)).astype(np.int16)
    io.write(Volume(voxels, np.diag([1.0, 1.0, 1.0, 1.0])), path)
    return path.read_bytes()


def child_of(served: Served) -> int:
    """Return the process that computes a job, once there is one."""
    found: list[int] = []

    def is_there() -> bool:
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(path.read_bytes().rpartition(b")")[2].split()[1])
                grand = int(Path(f"/proc/{parent}/stat").read_bytes().rpartition(b")")[2].split()[1])
            except (OSError, IndexError):
                continue
            if grand == served.process.pid:
                found.append(int(path.parent.name))
        return bool(found)

    wait_for(is_there)
    return found[0]


def start(served: Served, content: bytes) -> str:
    job = served.begin(gate="warn")
    assert served.ask("PUT", f"/jobs/{job}/sources/t1", content).status == 200
    assert served.ask("POST", f"/jobs/{job}/start").status == 202
    return job


def test_a_server_that_others_reach_needs_its_token_and_outlives_kills(tmp_path: Path, large: bytes) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n")
    options = (
        "--folder",
        str(tmp_path / "jobs"),
        "--host",
        "0.0.0.0",
        "--token-file",
        str(tmp_path / "token"),
    )
    with serving(tmp_path, *options, token=TOKEN) as served:
        refuses_without_token(served)
        done = served.translate(SOURCE.read_bytes())
        page = served.ask("GET", done["viewer"], headers={"Authorization": ""})
        assert page.status in (200, 404)  # 404 where the viewer is not installed
        dies_alone(served, start(served, large))
        left_open, running = served.begin(), start(served, large)
        served.wait(running, ("running",))
        child = child_of(served)
        second = serving(tmp_path, *options, token=TOKEN)
        with pytest.raises(AssertionError, match="E004"), second:
            pass
        served.stop(signal.SIGKILL)
    ends(child)
    stray = tmp_path / "jobs" / ("0" * 32)
    stray.mkdir()
    (tmp_path / "jobs" / "thesis.txt").write_text("mine")
    transmodal.export(RUN, tmp_path / "model.tmz")
    with serving(tmp_path, *options, token=TOKEN, run=tmp_path / "model.tmz") as served:
        assert not stray.exists()
        assert (tmp_path / "jobs" / "thesis.txt").exists()
        assert served.ask("GET", f"/jobs/{left_open}").status == 404
        assert served.ask("GET", f"/jobs/{done['id']}/result").status == 200
        assert served.wait(running)["state"] == "done"
        folder = tmp_path / "jobs"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert all(
            path.stat().st_mode & 0o077 == 0 for path in folder.rglob("*") if path.name != "thesis.txt"
        )
        waiting = start(served, large)
        child = child_of(served)
        assert served.stop() == 128 + signal.SIGTERM
        ends(child)
        assert served.events()[-1]["event"] == "stopped"
        assert (folder / waiting / "job.json").exists()
    assert TOKEN not in served.errors.read_text()


def refuses_without_token(served: Served) -> None:
    assert served.ask("GET", "/health", headers={"Authorization": ""}).status == 200
    for words in (
        "",
        TOKEN,
        f"Basic {TOKEN}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Bearer \xe9",
        "Bearer",
    ):
        for place in ("/", "/models", "/metrics", "/jobs/x", "/openapi.json"):
            answer = served.ask("GET", place, headers={"Authorization": words})
            assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer"), words
    assert (
        served.send(f"GET /models?token={TOKEN} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()).status == 401
    )
    assert served.ask("GET", "/models", headers={"Host": "evil.example"}).status == 421
    assert served.ask("GET", "/models", headers={"Host": "10.1.2.3:80"}).status == 200
    assert served.ask("GET", "/models").status == 200


def dies_alone(served: Served, job: str) -> None:
    """A job whose process is killed is named so, and the service goes on."""
    os.kill(child_of(served), signal.SIGKILL)
    error = served.wait(job)["error"]
    assert error["code"] == "E402"
    assert "SIGKILL" in error["got"]
    assert served.ask("DELETE", f"/jobs/{job}").status == 204


def codes_of_jobs(served: Served) -> list[str]:
    return [event["code"] for event in served.events() if event["event"] == "job ended"]


def ends(process: int) -> None:
    wait_for(lambda: not Path(f"/proc/{process}").exists())


def test_jobs_that_take_long_or_are_old_end(tmp_path: Path, large: bytes) -> None:
    options = ("--folder", str(tmp_path / "jobs"), "--job-seconds", "0.3", "--keep", "2")
    with serving(tmp_path, *options) as served:
        job = start(served, large)
        wait_for(lambda: codes_of_jobs(served))  # it may be old before it is asked for
        assert codes_of_jobs(served) == ["E406"]
        wait_for(lambda: not (tmp_path / "jobs" / job).exists())
        assert served.ask("GET", f"/jobs/{job}").status == 404
        assert [path.name for path in (tmp_path / "jobs").iterdir() if path.is_dir()] == []


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = Settings({"fa": RUN}, tmp_path / "jobs", port=other.getsockname()[1])
        with pytest.raises(UsageError, match="--port"):
            server.serve(settings, lambda _: None)


def test_an_address_that_is_none_is_said(tmp_path: Path) -> None:
    settings = Settings({"fa": RUN}, tmp_path / "jobs", "no.such.host.invalid", token=TOKEN)
    with pytest.raises(UsageError, match="no\\.such\\.host"):
        server.serve(settings, lambda _: None)


def test_a_server_in_this_process_serves_until_it_is_told_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers: list[server._Server] = []
    addresses: queue.Queue[str] = queue.Queue()

    class Remembered(server._Server):
        def __init__(self, config: uvicorn.Config) -> None:
            super().__init__(config)
            servers.append(self)

    monkeypatch.setattr(server, "_Server", Remembered)
    monkeypatch.setattr(server.runner, "describe_models", lambda settings: {})
    monkeypatch.setattr(server.logs, "start", lambda: None)
    monkeypatch.setattr(server.os, "umask", lambda mask: 0)
    settings = Settings({"fa": RUN}, tmp_path / "jobs", port=0)
    thread = threading.Thread(target=server.serve, args=(settings, addresses.put))
    thread.start()
    try:
        with urllib.request.urlopen(addresses.get(timeout=PATIENCE_SECONDS) + "health", timeout=60) as answer:
            assert answer.read() == b'{"status":"ok"}'
        with pytest.raises(UsageError, match="--folder"):
            server.serve(settings, addresses.put)
    finally:
        servers[0].should_exit = True
        thread.join(60)
    assert not thread.is_alive()
    assert stat.S_IMODE((tmp_path / "jobs").stat().st_mode) == 0o700


def test_connections_are_no_more_than_files_may_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [(100, 100)]
    monkeypatch.setattr(resource, "getrlimit", lambda kind: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda kind, pair: limits.append(pair))
    assert server._most_connections(512) == 100 - server._OWN_FILES
    limits[:] = [(100, 4096)]
    assert server._most_connections(512) == 512
    limits[:] = [(20, 20)]
    assert server._most_connections(512) == 8


def test_folders_of_servers_that_were_killed_are_removed_and_no_others(tmp_path: Path) -> None:
    for name in ("killed", "new", "running"):
        (tmp_path / name).mkdir()
    for name in ("killed", "running"):
        (tmp_path / name / server.LOCK).touch()
    (tmp_path / "killed" / "job").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "killed")
    with (tmp_path / "running" / server.LOCK).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server.remove_abandoned([tmp_path / "link", tmp_path / "gone"])
        assert (tmp_path / "killed" / "job").exists()
        server.remove_abandoned([tmp_path / name for name in ("killed", "new", "running")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "new", "running"]
