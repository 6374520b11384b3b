"""OpenVINO in a process of its own: a process that has loaded it crashes when it forks others, such as loader workers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.processes import describe_exit, ending_stopped

_CHILD = Path(__file__).with_name("_openvino_child.py")
_START = "import runpy, sys; sys.path[:] = sys.argv[4:]; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
_READY, _ERROR = "ready\n", "error "
_DYING_SECONDS = 5.0
"""How long a process that closed its pipes is waited for: that it died, and of what."""


class GraphError(Exception):
    """A graph that a process does not open or run, or did not live to: the cause, in words."""


class _Pipes(NamedTuple):
    """Both ways to a process."""

    process: subprocess.Popen[bytes]
    requests: IO[bytes]
    answers: IO[bytes]


class GraphProcess:
    """A graph that a process of its own runs; it ends with this object, and with the process that has it.

    It is spawned, not forked, and its requests end where this process ends, however that comes about. Threads may share
    it, processes may not.

    Args:
        graph: ONNX.
        threads: that it is computed on.

    Raises:
        GraphError: where the graph cannot be opened.
        MemoryError: where memory does not suffice for it.
    """

    def __init__(self, graph: bytes, threads: int) -> None:
        self._pipes = _begin([str(len(graph)), str(threads)])
        self._turn = threading.Lock()
        self._finalizer = weakref.finalize(self, _end, self._pipes.process, os.getpid())
        with self._exchange():
            line = self._ask(graph)
        if line != _READY:
            raise _error(line)

    @property
    def id(self) -> int:
        """Number of the process."""
        return self._pipes.process.pid

    def __call__(self, source: NDArray[np.float32]) -> NDArray[np.float32]:
        """Translate `(B, C, *S)` to `(B, T, *S)`.

        Raises:
            GraphError: where the graph does not run, or its process dies.
            MemoryError: where memory does not suffice for so many windows.
        """
        windows = np.ascontiguousarray(source, np.float32)
        sides = ",".join(map(str, windows.shape)).encode("ascii") + b"\n"
        with self._exchange():
            line = self._ask(sides, windows.data)
            synthetic = None if line.startswith(_ERROR) else _read_array(line, self._pipes.answers)
        if synthetic is None:
            raise _error(line)
        return synthetic

    @contextmanager
    def _exchange(self) -> Iterator[None]:
        """Take a turn of a request and its answer.

        An answer that nobody waited for would be taken for that to the next request: the process ends then.
        """
        process = self._pipes.process
        with self._turn, ending_stopped(lambda: [process.pid]):
            try:
                yield
            except (OSError, EOFError, ValueError):  # pipes that are broken, at an end, or closed
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_DYING_SECONDS)
                self._finalizer()
                raise GraphError(f"its process {describe_exit(process.returncode)}") from None
            except BaseException:
                self._finalizer()
                raise

    def _ask(self, *request: bytes | memoryview) -> str:
        """Send a request and return the line that answers it."""
        for part in request:
            self._pipes.requests.write(part)
        self._pipes.requests.flush()
        line = self._pipes.answers.readline().decode("ascii")
        if not line.endswith("\n"):
            raise EOFError
        return line


def _begin(words: list[str]) -> _Pipes:
    process = subprocess.Popen(
        [sys.executable, "-c", _START, str(_CHILD), *words, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    if process.stdin is None or process.stdout is None:  # pragma: no cover - pipes were asked for
        raise BrokenPipeError
    return _Pipes(process, process.stdin, process.stdout)


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    """End a process, unless this one is a copy of the process that began it."""
    if os.getpid() == owner:
        process.kill()
        process.communicate()


def _read_array(sides: str, answers: IO[bytes]) -> NDArray[np.float32]:
    values = np.empty(tuple(map(int, sides.split(","))), np.float32)
    view = values.reshape(-1).view(np.uint8).data
    while view:
        n_bytes = answers.readinto(view)  # type: ignore[attr-defined]  # a buffered reader has it
        if not n_bytes:
            raise EOFError
        view = view[n_bytes:]
    return values


def _error(line: str) -> Exception:
    kind = line.removeprefix(_ERROR).strip()
    return MemoryError() if kind == "MemoryError" else GraphError(f"{kind} in its process")
