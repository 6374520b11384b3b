"""The database of a queue: SQLite with a write-ahead log, and transactions that are on the disk when they end."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transmodal.errors import InputError, IntegrityError, ResourceError

FILE = "queue.sqlite"

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS series (
    mark TEXT PRIMARY KEY, rule TEXT NOT NULL, caller TEXT NOT NULL, state TEXT NOT NULL,
    generation INTEGER NOT NULL, attempts INTEGER NOT NULL, changed REAL NOT NULL, due REAL NOT NULL, code TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS instance (
    series TEXT NOT NULL REFERENCES series(mark) ON DELETE CASCADE, mark TEXT NOT NULL, sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL, PRIMARY KEY (series, mark)
) STRICT;
CREATE TABLE IF NOT EXISTS outgoing (
    series TEXT NOT NULL REFERENCES series(mark) ON DELETE CASCADE, name TEXT NOT NULL, is_sent INTEGER NOT NULL,
    PRIMARY KEY (series, name)
) STRICT;
CREATE TABLE IF NOT EXISTS refused (
    series TEXT NOT NULL, mark TEXT NOT NULL, code TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (series, mark)
) STRICT;
"""


class Database:
    """The database in a folder; threads take turns.

    Args:
        folder: of the queue.
        is_new: whether it is made where there is none.

    Raises:
        InputError: E100 where there is none and none is made.
        IntegrityError: E501 for a file that is no such database.
        ResourceError: E403 where it cannot be read or written.
    """

    def __init__(self, folder: Path, *, is_new: bool = True) -> None:
        self._lock = threading.RLock()
        path = folder / FILE
        if not is_new and not path.is_file():
            raise InputError(
                "E100",
                f"{folder} is not the folder of a DICOM node",
                f"one that holds {FILE}",
                "Check the path.",
            )
        with database_errors():
            self._connection = sqlite3.connect(
                path, timeout=30, isolation_level=None, check_same_thread=False
            )
            try:
                for line in _PRAGMAS:
                    self._connection.execute(f"PRAGMA {line}")
                self._connection.executescript(_SCHEMA)
            except sqlite3.Error:
                self._connection.close()
                raise

    def close(self) -> None:
        """Close it; the log is written into the file."""
        with self._lock:
            self._connection.close()

    def rows(self, line: str, *values: str | float) -> list[tuple[Any, ...]]:
        """Return the rows of a question."""
        with self._lock, database_errors():
            return self._connection.execute(line, values).fetchall()

    def change(self, line: str, *values: str | float) -> int:
        """Change rows, inside of a transaction or as one; return how many."""
        with self._lock, database_errors():
            return self._connection.execute(line, values).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Enter what the block changes as a whole, on the disk when it ends, or not at all."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self.change("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self.change("ROLLBACK")
                raise
            self.change("COMMIT")


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn errors of SQLite into errors of this package.

    Raises:
        IntegrityError: E501 for a file that is damaged or no database.
        ResourceError: E403 where it cannot be read or written.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        raise ResourceError(
            "E403",
            f"cannot read or write {FILE}: {error.sqlite_errorname}",
            "room and permission",
            "Free space, or mend permissions.",
        ) from error
    except sqlite3.DatabaseError as error:
        raise IntegrityError(
            "E501",
            f"{FILE} is damaged, or no database",
            "the queue of a DICOM node",
            "Move the folder away and send the series again.",
        ) from error
