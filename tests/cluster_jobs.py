"""Jobs for a dask cluster, and the cluster itself: a scheduler and workers as processes of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from patience import wait_for


class Job(NamedTuple):
    """What a job is told: where to leave its marks, its name, and whether it waits for the file `go`."""

    folder: str
    name: str
    waits: bool = False


def work(job: Job) -> str:
    """Leave a line when the job begins and one when it is done; return its name in capitals."""
    folder = Path(job.folder)
    _note(folder, f"begin {job.name} {os.getpid()}")
    if job.waits:
        wait_for((folder / "go").exists)
    _note(folder, f"done {job.name} {os.getpid()}")
    return job.name.upper()


def refuse(name: str) -> str:
    """Raise an error of ours."""
    from transmodal.errors import InputError

    raise InputError("E100", f"no {name}", "a file", "Copy it.")


def lines(folder: Path, word: str) -> list[tuple[str, int]]:
    """Return names and processes of the jobs that began, or are done, in order."""
    log = folder / "log"
    parts = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
    return [(name, int(process)) for kind, name, process in parts if kind == word]


@contextmanager
def cluster(folder: Path, n_workers: int) -> Iterator[Path]:
    """Start a scheduler and workers in a folder; yield the file of the scheduler's address, and end them all."""
    file = folder / "scheduler.json"
    with ExitStack() as stack:
        words = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
        stack.enter_context(_running(folder, "scheduler", *words))
        wait_for(lambda: file.exists() and file.read_text().strip().endswith("}"))
        words = ["--scheduler-file", str(file), "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1"]
        for _ in range(n_workers):
            stack.enter_context(_running(folder, "worker", *words))
        yield file


@contextmanager
def _running(folder: Path, program: str, *words: str) -> Iterator[None]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
        "DASK_TEMPORARY_DIRECTORY": str(folder),
    }
    with (folder / f"{program}.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{program}", *words],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _note(folder: Path, line: str) -> None:
    handle = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{line}\n".encode())
    os.close(handle)
