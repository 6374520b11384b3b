"""The queue: series and how far they are, in SQLite beside their files, so that a kill at any moment loses nothing.

An instance is written and synchronised first, then entered, then its sender is told that it is taken. A series that
changes while it is translated or sent is of a new generation: what was made of an earlier one is not entered any more.
Marks of UIDs stand here, no UIDs and no words of headers.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from transmodal.errors import ResourceError
from transmodal.service.dicom_node.database import Database
from transmodal.service.dicom_node.settings import NodeLimits
from transmodal.storage import files

State = Literal["received", "translating", "translated", "sent", "failed"]
STATES: tuple[State, ...] = ("received", "translating", "translated", "sent", "failed")
SERIES, SOURCE = "series", "source"
LONGEST_WAIT = 3600.0

_ROWS = """
SELECT mark, rule, caller, state, generation, attempts, changed, due, code,
    (SELECT count(*) FROM instance WHERE series = series.mark),
    (SELECT count(*) FROM outgoing WHERE series = series.mark),
    (SELECT count(*) FROM outgoing WHERE series = series.mark AND is_sent) FROM series
"""


class Arrival(NamedTuple):
    """An instance that came.

    Attributes:
        series: mark of its series.
        mark: of the instance.
        content: a whole DICOM file.
    """

    series: str
    mark: str
    content: bytes


class QueuedSeries(NamedTuple):
    """A series in the queue.

    Attributes:
        mark: of the series.
        rule: that it came under.
        caller: AE title of its sender.
        state: how far it is.
        generation: how often its instances changed.
        attempts: that failed since it came this far.
        changed: seconds since 1970 when it last changed.
        due: when it is to be tried again.
        code: of the error of the last attempt.
        n_images: that were received.
        n_outgoing: synthetic images.
        n_sent: those of them that the destination has taken.
    """

    mark: str
    rule: str
    caller: str
    state: State
    generation: int
    attempts: int
    changed: float
    due: float
    code: str
    n_images: int
    n_outgoing: int
    n_sent: int


class SeriesQueue:
    """The series that there are.

    Args:
        folder: of the queue; it is held by one node alone.
        limits: of what is taken.
    """

    def __init__(self, folder: Path, limits: NodeLimits) -> None:
        self._folder, self._limits = folder, limits
        self._database = Database(folder)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def folder_of(self, mark: str) -> Path:
        """Return the folder of a series."""
        return self._folder / SERIES / mark

    def recover(self) -> None:
        """Begin anew with what a kill interrupted, and remove files that were never entered: senders were not told of them."""
        with self._database.transaction():
            self._database.change("UPDATE series SET state = 'received' WHERE state = 'translating'")
            marks = {row[0] for row in self._database.rows("SELECT mark FROM series")}
            names = {
                (series, f"{mark}.dcm")
                for series, mark in self._database.rows("SELECT series, mark FROM instance")
            }
        for folder in (self._folder / SERIES).glob("*"):
            if folder.name not in marks:
                shutil.rmtree(folder, ignore_errors=True)
                continue
            for path in (folder / SOURCE).iterdir():
                if (folder.name, path.name) not in names:
                    path.unlink(missing_ok=True)

    def take(self, arrival: Arrival, rule: str, caller: str) -> bool:
        """Keep an instance; return whether it is new. What is sent a second time and equal changes nothing.

        One that is refused is remembered: without it its series is not whole.

        Raises:
            ResourceError: E406 beyond a limit, E403 where it cannot be written.
        """
        try:
            return self._take(arrival, rule, caller)
        except ResourceError as error:
            self._remember_refusal(arrival, error.code)
            raise

    def refusal_of(self, series: QueuedSeries) -> str:
        """Return the code by which an instance of a series was refused that has not come since; empty where there is none."""
        rows = self._database.rows("SELECT code FROM refused WHERE series = ? LIMIT 1", series.mark)
        return str(rows[0][0]) if rows else ""

    def _remember_refusal(self, arrival: Arrival, code: str) -> None:
        with suppress(ResourceError), self._database.transaction():  # a full disk has no room for this either
            if self._database.rows("SELECT count(*) FROM refused")[0][0] < self._limits.images:
                self._database.change(
                    "INSERT OR REPLACE INTO refused VALUES (?, ?, ?, ?)",
                    *(arrival.series, arrival.mark, code, time.time()),
                )

    def _take(self, arrival: Arrival, rule: str, caller: str) -> bool:
        digest = hashlib.sha256(arrival.content).hexdigest()
        with self._database.transaction():
            rows = self._database.rows("SELECT state FROM series WHERE mark = ?", arrival.series)
            own = self._database.rows(
                "SELECT sha256 FROM instance WHERE series = ? AND mark = ?", arrival.series, arrival.mark
            )
            is_failed = bool(rows) and rows[0][0] == "failed"
            if own and own[0][0] == digest and not is_failed:
                return False
            self._check_room(arrival, has_series=bool(rows), has_instance=bool(own))
            source = self.folder_of(arrival.series) / SOURCE
            source.mkdir(mode=0o700, parents=True, exist_ok=True)
            with files.atomic_path(source / f"{arrival.mark}.dcm", 0o600) as beside:
                beside.write_bytes(arrival.content)
            self._database.change(
                "INSERT INTO series VALUES (?, ?, ?, 'received', 1, 0, ?, 0, '') ON CONFLICT (mark) DO UPDATE SET rule ="
                " excluded.rule, caller = excluded.caller, state = 'received', generation = generation + 1, attempts = 0,"
                " changed = excluded.changed, due = 0, code = ''",
                *(arrival.series, rule, caller, time.time()),
            )
            self._database.change(
                "INSERT OR REPLACE INTO instance VALUES (?, ?, ?, ?)",
                *(arrival.series, arrival.mark, digest, len(arrival.content)),
            )
            self._database.change(
                "DELETE FROM refused WHERE series = ? AND mark = ?", arrival.series, arrival.mark
            )
        return True

    def series(self) -> list[QueuedSeries]:
        """Return every series, oldest first."""
        return list_series(self._database)

    def due(self, state: State, quiet_seconds: float = 0.0) -> list[QueuedSeries]:
        """Return the series in a state that did not change for some seconds and whose time it is."""
        now = time.time()
        return [
            series
            for series in self.series()
            if series.state == state and series.changed <= now - quiet_seconds and series.due <= now
        ]

    def advance(self, series: QueuedSeries, state: State, code: str = "") -> bool:
        """Set the state of a series; return False where it changed meanwhile."""
        with self._database.transaction():
            n = self._database.change(
                "UPDATE series SET state = ?, attempts = 0, due = 0, code = ?, changed = ? WHERE mark = ? AND generation = ?"
                " AND state = ?",
                *(state, code, time.time(), series.mark, series.generation, series.state),
            )
        return n == 1

    def begin(self, series: QueuedSeries) -> QueuedSeries | None:
        """Return a received series as one that is translated; None where it changed meanwhile."""
        with self._database.transaction():
            n = self._database.change(
                "UPDATE series SET state = 'translating' WHERE mark = ? AND generation = ? AND state = 'received'",
                *(series.mark, series.generation),
            )
        return series._replace(state="translating") if n == 1 else None

    def enter_outgoing(self, series: QueuedSeries, names: Sequence[str]) -> bool:
        """Enter the synthetic images of a series that was translated; return False where it changed meanwhile."""
        with self._database.transaction():
            if not self.advance(series, "translated"):
                return False
            self._database.change("DELETE FROM outgoing WHERE series = ?", series.mark)
            for name in names:
                self._database.change("INSERT INTO outgoing VALUES (?, ?, 0)", series.mark, name)
        return True

    def unsent(self, series: QueuedSeries) -> list[str]:
        """Return the names of the synthetic images that the destination has not taken yet."""
        rows = self._database.rows(
            "SELECT name FROM outgoing WHERE series = ? AND NOT is_sent ORDER BY name", series.mark
        )
        return [row[0] for row in rows]

    def mark_sent(self, series: QueuedSeries, name: str) -> bool:
        """Enter that the destination has taken an image; return False where the series changed meanwhile."""
        with self._database.transaction():
            n = self._database.change(
                "UPDATE outgoing SET is_sent = 1 WHERE series = ? AND name = ? AND EXISTS (SELECT 1 FROM series WHERE mark = ?"
                " AND generation = ? AND state = 'translated')",
                *(series.mark, name, series.mark, series.generation),
            )
        return n == 1

    def postpone(self, series: QueuedSeries, code: str, most: int) -> State:
        """Let a series wait after an attempt that failed, twice as long each time; return its state, which may be `failed`.

        A series that was translated stays so; one that was being translated is received again.

        Args:
            series: as it was before the attempt.
            code: of the error.
            most: attempts after which it has failed.
        """
        attempts, now = series.attempts + 1, time.time()
        wait = min(self._limits.retry_seconds * 2 ** min(series.attempts, 30), LONGEST_WAIT)
        back: State = "received" if series.state == "translating" else series.state
        state: State = "failed" if attempts >= most else back
        with self._database.transaction():
            self._database.change(
                "UPDATE series SET state = ?, attempts = ?, due = ?, code = ?, changed = ? WHERE mark = ? AND generation = ?"
                " AND state = ?",
                *(state, attempts, now + wait, code, now if state == "failed" else series.changed),
                *(series.mark, series.generation, series.state),
            )
        return state

    def remove_old(self) -> int:
        """Remove the series whose time is over, with their files; return how many."""
        limit = time.time() - self._limits.keep_seconds
        with self._database.transaction():
            rows = self._database.rows(
                "SELECT mark FROM series WHERE state IN ('sent', 'failed') AND changed < ?", limit
            )
            for (mark,) in rows:
                shutil.rmtree(self.folder_of(mark), ignore_errors=True)
                self._database.change("DELETE FROM series WHERE mark = ?", mark)
            self._database.change("DELETE FROM refused WHERE at < ?", limit)
        return len(rows)

    def _check_room(self, arrival: Arrival, *, has_series: bool, has_instance: bool) -> None:
        """Refuse what goes beyond a limit.

        Raises:
            ResourceError: E406.
        """
        limits = self._limits
        ((n_images, n_bytes),) = self._database.rows(
            "SELECT count(*), total(bytes) FROM instance WHERE series = ? AND mark <> ?",
            arrival.series,
            arrival.mark,
        )
        if not has_series and self._database.rows("SELECT count(*) FROM series")[0][0] >= limits.series:
            raise _too_much(f"more than {limits.series} series")
        if not has_instance and n_images >= limits.images:
            raise _too_much(f"a series of more than {limits.images} images")
        if n_bytes + len(arrival.content) > limits.series_bytes:
            raise _too_much("a series of more bytes than are taken")


def list_series(database: Database) -> list[QueuedSeries]:
    """Return the series of a queue, oldest first."""
    return [QueuedSeries(*row) for row in database.rows(f"{_ROWS} ORDER BY changed, mark")]


def _too_much(fact: str) -> ResourceError:
    return ResourceError("E406", fact, "what the node takes", "Raise the limits of transmodal dicom-node.")
