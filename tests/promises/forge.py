"""A process that has imported everything and forks a child per command: a start costs milliseconds, a kill is a real one.

    python -m promises.forge          # a request per line of JSON, an answer per line

It computes nothing itself, so that its children inherit no thread. A child is the leader of a session; the answer comes when
every process of that session has ended.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

TESTS = Path(__file__).parents[1]
PATIENCE_S = 300.0
LEFT_S = 60.0
"""How long processes that a killed one leaves behind may take to end."""
_SUBREAPER = 36  # of prctl: orphans become children of this process, which so hears of their end
_CHANGES = frozenset({
    "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.utime",
    "shutil.rmtree", "ctypes.call_function",
})  # fmt: skip
"""Audit events by which Python changes a disk; opening for writing is the other; the last exchanges names."""


class Strike(NamedTuple):
    """When to kill: before the n-th call that changes the disk, or so many seconds after the start; neither: never."""

    call: int = 0
    seconds: float = 0.0


NEVER = Strike()


class Answer(NamedTuple):
    """What became of a command.

    Attributes:
        status: of the process; -9 when it was killed.
        seconds: that it ran.
        calls: by which it changed the disk, of one that ended by itself.
        is_left: whether a process of its session outlived it for long.
    """

    status: int
    seconds: float
    calls: int
    is_left: bool


class Forge:
    """Starts commands of the command line in children of a process that has imported everything."""

    def __init__(self) -> None:
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(
                [str(TESTS), str(TESTS.parent / "src"), os.environ.get("PYTHONPATH", "")]
            ),
            "PYTHONHASHSEED": "0",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "promises.forge"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    @property
    def pid(self) -> int:
        """Return the id of the process, whose child is the command."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process.wait(30)

    def run(self, words: Sequence[str], log: Path, strike: Strike = NEVER) -> Answer:
        """Run a command until it ends or is struck.

        Args:
            words: of the command line, without `transmodal`.
            log: file for what it says.
            strike: when to kill it.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"words": list(words), "log": str(log), "call": strike.call, "seconds": strike.seconds}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return Answer(**json.loads(self._process.stdout.readline()))


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Answer requests until there are no more."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    for line in requests:
        answers.write(json.dumps(_run(json.loads(line))._asdict()) + "\n")
        answers.flush()


def _run(request: dict[str, Any]) -> Answer:
    reading, writing = os.pipe()
    begun = time.monotonic()
    child = os.fork()
    if not child:
        _become(request, writing)
    os.close(writing)
    limit = request["seconds"] or PATIENCE_S
    status = None
    while status is None and time.monotonic() - begun < limit:
        status = _reap(child)
        time.sleep(0.001)
    if status is None:
        os.kill(child, signal.SIGKILL)
        _, code = os.waitpid(child, 0)
        status = os.waitstatus_to_exitcode(code)
    seconds = time.monotonic() - begun
    is_left = not _ends(child)
    with os.fdopen(reading) as stream:
        calls = int(stream.read() or 0)
    return Answer(status, seconds, calls, is_left)


def _reap(child: int) -> int | None:
    """Return the exit status of a child that has ended."""
    number, code = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(code) if number else None


def _ends(session: int) -> bool:
    """Wait for the other processes of a session; end them when that takes too long, and return False."""
    end = time.monotonic() + LEFT_S
    while time.monotonic() < end:
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        try:
            os.killpg(session, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    os.killpg(session, signal.SIGKILL)
    return False


def _become(request: dict[str, Any], writing: int) -> None:
    """Run the command in this child, and end it."""
    os.setsid()
    status = 70
    try:
        with open(request["log"], "a", encoding="utf-8") as log, open(os.devnull) as nothing:  # noqa: PTH123
            for stream, number in ((nothing, 0), (log, 1), (log, 2)):
                os.dup2(stream.fileno(), number)
        calls = _count(request["call"])
        from transmodal import cli

        status = cli.run(request["words"])
        os.write(writing, str(calls[0]).encode())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _count(last: int) -> list[int]:
    """Count the calls that change the disk, and kill this process before the last one; return the running count."""
    counted, own = [0], os.getpid()

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        is_writing = (
            event == "open"
            and isinstance(arguments[2], int)
            and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
        )
        if (event in _CHANGES or is_writing) and os.getpid() == own:
            counted[0] += 1
            if counted[0] == last:
                os.kill(own, signal.SIGKILL)

    sys.addaudithook(hear)
    return counted


def _import_all() -> None:
    import torch

    torch.set_num_threads(1)
    import transmodal.cli
    import transmodal.evaluation.run
    import transmodal.experiments.ablation.run
    import transmodal.experiments.benchmark.run
    import transmodal.training.train  # noqa: F401


if __name__ == "__main__":
    _import_all()
    serve(sys.stdin, sys.stdout)
