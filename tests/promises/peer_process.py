"""Readers of others in a process each, which is ended where a file keeps it busy for too long."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self

from promises.corpus import all_entries
from promises.entries import Entry
from promises.readers import Read
from promises.verdicts import Verdict, judge

LONGEST_S = 5.0
"""Seconds of processor time for one file, of less than 100 KB."""
_WAITING_S = 300.0
"""Seconds by the clock, for a reader that waits and takes no processor time."""
_STEP_S = 0.05


class PeerProcess:
    """A process that gives files to one library's readers."""

    def __init__(self, name: str, readers: Callable[[], Mapping[str, Read]]) -> None:
        """Keep how the process begins; it is started with the first file.

        Args:
            name: of the library.
            readers: returns its readers by format; the process imports it by its name.
        """
        self.name = name
        self._readers = readers
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self._stop()

    def judge(self, name: str, path: Path, longest_s: float = LONGEST_S) -> Verdict:
        """Return the verdict on an entry's file, `stuck` where none came in time, or the process died of it.

        Args:
            name: of the entry.
            path: as the entry wrote it.
            longest_s: most processor time.
        """
        connection, process_id = self._start()
        connection.send((name, path))
        spent, start = _processor_s(process_id), time.monotonic()
        while not connection.poll(_STEP_S):
            is_late = time.monotonic() - start > _WAITING_S
            if is_late or _processor_s(process_id) - spent > longest_s:
                self._stop()
                return Verdict("stuck", "no end")
        try:
            verdict: Verdict = connection.recv()
        except EOFError:  # a crash in C++
            self._stop()
            return Verdict("stuck", "crash")
        return verdict

    def _start(self) -> tuple[Connection, int]:
        if self._process is None or self._connection is None:
            context = multiprocessing.get_context("spawn")  # a fork would lack the threads of ITK
            self._connection, other = context.Pipe()
            self._process = context.Process(target=_serve, args=(other, self._readers), daemon=True)
            self._process.start()
            other.close()
            self._connection.recv()  # when its library is imported
        return self._connection, int(self._process.pid or 0)

    def _stop(self) -> None:
        if self._process is not None and self._connection is not None:
            self._process.kill()
            self._process.join()
            self._connection.close()
        self._process = self._connection = None


def _serve(connection: Connection, readers: Callable[[], Mapping[str, Read]]) -> None:
    """Judge files until the other end is closed; what libraries in C++ print over bad files goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    by_format, entries = readers(), {entry.name: entry for entry in all_entries()}
    _import(by_format, entries)
    connection.send("ready")
    while True:
        try:
            name, path = connection.recv()
        except EOFError:
            return
        connection.send(judge(entries[name], path, by_format[entries[name].format]))


def _import(readers: Mapping[str, Read], entries: Mapping[str, Entry]) -> None:
    """Read a valid file: libraries are imported when they are first used, which for MONAI takes longer than any file."""
    entry = next(entry for entry in entries.values() if entry.is_valid and entry.format in readers)
    with tempfile.TemporaryDirectory() as folder:
        judge(entry, entry.write(Path(folder)), readers[entry.format])


def _processor_s(process_id: int) -> float:
    """Return the processor time that a process has taken, in seconds; 0 where it is gone."""
    try:
        fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
