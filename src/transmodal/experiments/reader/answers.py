"""The answers of one reader: a line each, on the disk before the next picture is shown."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple

from transmodal.errors import InputError, IntegrityError, UsageError
from transmodal.experiments.reader.session import ANSWERS, QuestionName, ReaderSession
from transmodal.storage import durable, files, outputs, regular

WORDS: Mapping[QuestionName, tuple[str, ...]] = MappingProxyType(
    {
        "origin": ("real", "synthetic"),
        "lesion": ("yes", "no"),
        "preference": ("left", "right", "equal"),
    }
)
"""Answers that a question takes."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_SUFFIX = ".jsonl"
_REMEDY = "Let the reader begin again under another name, or put the file back as it was."


class ReaderAnswer(NamedTuple):
    """One answer.

    Attributes:
        item: its name.
        word: of `WORDS`.
        seconds: from the picture's appearance to the key.
    """

    item: str
    word: str
    seconds: float


class ReaderAnswers(NamedTuple):
    """The answers of a reader.

    Attributes:
        reader: name.
        order: number of the order that the reader has.
        answers: by place in the order; of an item that was answered again the last one.
    """

    reader: str
    order: int
    answers: Mapping[int, ReaderAnswer]


@dataclass
class AnswerFile:
    """The file of a reader while it is written to; another process is kept out.

    Attributes:
        path: of the file.
        reader: name.
        order: items in the reader's order.
        answers: by place in the order.
    """

    path: Path
    reader: str
    order: tuple[str, ...]
    answers: dict[int, ReaderAnswer] = field(default_factory=dict)
    _handle: int = -1

    def __enter__(self) -> AnswerFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    @property
    def next_place(self) -> int:
        """Place of the first item without an answer; the number of items where all have one."""
        return next((n for n in range(len(self.order)) if n not in self.answers), len(self.order))

    def add(self, place: int, word: str, seconds: float) -> None:
        """Write an answer; when this returns, it is on the disk.

        Raises:
            ResourceError: E403 when the disk is full or may not be written.
        """
        answer = ReaderAnswer(self.order[place], word, round(seconds, 3))
        line = {"place": place, "item": answer.item, "answer": word, "seconds": answer.seconds, "at": _now()}
        with outputs.os_errors():
            _append(self._handle, line)
        self.answers[place] = answer


def open_answers(folder: Path, session: ReaderSession, reader: str) -> AnswerFile:
    """Open the file of a reader, who goes on where the last answer was given, or begins.

    Args:
        folder: of the session.
        session: that is read.
        reader: name or mark: letters, digits, `-` and `_`.

    Raises:
        UsageError: E001 for a name that cannot be a file's, E004 where the reader is reading in another process.
        InputError, IntegrityError: as `read_answers`.
        ResourceError: E403 when nothing can be written.
    """
    if not _NAME.fullmatch(reader):
        raise UsageError(
            "E001", f"--name {reader}", "up to 40 letters, digits, - and _", "Choose a name or a mark."
        )
    place = folder / ANSWERS
    with outputs.os_errors():
        place.mkdir(exist_ok=True)
        path = place / f"{reader}{_SUFFIX}"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        _lock(handle, reader)
        with outputs.os_errors():
            _cut_torn_line(handle)
            if os.fstat(handle).st_size == 0:
                number = (len(list(place.glob(f"*{_SUFFIX}"))) - 1) % len(session.orders)
                _append(handle, {"reader": reader, "session": session.id, "order": number, "at": _now()})
                durable.sync_folder(place)
        earlier = read_answers(path, session)
    except BaseException:
        os.close(handle)
        raise
    return AnswerFile(path, reader, session.orders[earlier.order], dict(earlier.answers), handle)


def read_all(folder: Path, session: ReaderSession) -> list[ReaderAnswers]:
    """Return the answers of every reader of a session, by name.

    Raises:
        InputError, IntegrityError: as `read_answers`.
    """
    return [read_answers(path, session) for path in sorted((folder / ANSWERS).glob(f"*{_SUFFIX}"))]


def read_answers(path: Path, session: ReaderSession) -> ReaderAnswers:
    """Read the answers of a reader; a last line that was not written whole does not count.

    Raises:
        InputError: E100 without the file, E101 for a line that is no answer to its item.
        IntegrityError: E501 for answers to another session.
    """
    with files.reading_errors(path, "a reader's answers"):
        content = regular.read_bytes(path)
    lines = content[: content.rfind(b"\n") + 1].decode("utf-8", "replace").splitlines()
    records = [_parse(path, n, line) for n, line in enumerate(lines, 1)]
    if not records:
        return ReaderAnswers(path.stem, 0, {})
    head = records[0]
    if head.get("session") != session.id:
        raise IntegrityError(
            "E501", f"{path} of another session", f"answers to the session {session.id}", _REMEDY
        )
    number = head.get("order")
    if not isinstance(number, int) or not 0 <= number < len(session.orders):
        raise _bad_line(path, 1)
    order = session.orders[number]
    answers: dict[int, ReaderAnswer] = {}
    for n, record in enumerate(records[1:], 2):
        place, answer = _answer(path, n, record, order, session)
        answers[place] = answer
    return ReaderAnswers(path.stem, number, answers)


def _answer(
    path: Path, n: int, record: Mapping[str, Any], order: tuple[str, ...], session: ReaderSession
) -> tuple[int, ReaderAnswer]:
    place, item, word, seconds = (record.get(key) for key in ("place", "item", "answer", "seconds"))
    if not isinstance(place, int) or not 0 <= place < len(order) or order[place] != item:
        raise _bad_line(path, n)
    if word not in WORDS[session.items[item].question] or not isinstance(seconds, int | float):
        raise _bad_line(path, n)
    return place, ReaderAnswer(item, str(word), float(seconds))


def _parse(path: Path, n: int, line: str) -> dict[str, Any]:
    try:
        return files.parse_json(line)
    except (TypeError, ValueError) as error:
        raise _bad_line(path, n) from error


def _bad_line(path: Path, n: int) -> InputError:
    return InputError("E101", f"{path}, line {n}", "an answer to the item at its place", _REMEDY)


def _append(handle: int, record: Mapping[str, object]) -> None:
    """Write a line as a whole and bring it to the disk; half of one is taken back where the disk is full."""
    size = os.fstat(handle).st_size
    line = json.dumps(record).encode() + b"\n"
    try:
        while line:
            line = line[os.write(handle, line) :]
        os.fsync(handle)
    except OSError:
        os.ftruncate(handle, size)
        raise


def _cut_torn_line(handle: int) -> None:
    """Remove what a killed process left of a line."""
    content = os.pread(handle, os.fstat(handle).st_size, 0)
    os.ftruncate(handle, content.rfind(b"\n") + 1)


def _lock(handle: int, reader: str) -> None:
    """Keep another process from writing the same reader's answers; where the system has no locks nobody is kept out."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError(
            "E004",
            f"{reader}, who is reading in another process",
            "a reader once at a time",
            "End that one with Ctrl-C, or choose another --name.",
        ) from error
    except (ImportError, OSError):
        return


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
