"""The desk of one reader: gives the page its next item, takes the answer, lets the reader go back."""

from __future__ import annotations

import json
import math
from base64 import b64encode
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from transmodal.errors import IntegrityError, TransmodalError
from transmodal.experiments.reader.answers import WORDS, AnswerFile
from transmodal.experiments.reader.session import PICTURES, QuestionName, ReaderSession
from transmodal.storage import files, regular
from transmodal.viewing.page import PagePart
from transmodal.viewing.server import PostAnswer

_JSON = "application/json"
_LONGEST_S = 86_400.0


class _Choice(NamedTuple):
    """An answer as the page offers it: its word, the key, and what stands on the button."""

    word: str
    key: str
    label: str


_TEXTS: dict[QuestionName, tuple[str, tuple[_Choice, ...]]] = {
    "origin": (
        "Is this picture real or synthetic?",
        (_Choice("real", "r", "real"), _Choice("synthetic", "s", "synthetic")),
    ),
    "lesion": (
        "Is a lesion visible?",
        (_Choice("yes", "y", "yes"), _Choice("no", "n", "no")),
    ),
    "preference": (
        "Which of the two is better?",
        (
            _Choice("left", "ArrowLeft", "left"),
            _Choice("equal", "ArrowDown", "no difference"),
            _Choice("right", "ArrowRight", "right"),
        ),
    ),
}


class BadPostError(Exception):
    """The page sent something else than what a page of this session sends; the text says why."""


class ReaderDesk:
    """Takes what the page of a reader sends, one after the other."""

    def __init__(self, folder: Path, session: ReaderSession, answers: AnswerFile) -> None:
        """Open the desk.

        Args:
            folder: of the session.
            session: that is read.
            answers: of the reader, open.
        """
        self._pictures, self._session, self._answers = folder / PICTURES, session, answers
        self._lock = Lock()

    def item(self, content: bytes) -> PostAnswer:
        """Return the item at the place that is asked for; the next one without an answer where none is named."""
        return self._guarded(content, self._show)

    def answer(self, content: bytes) -> PostAnswer:
        """Write the answer to an item, and return the next one."""
        return self._guarded(content, self._take)

    def _guarded(self, content: bytes, act: Any) -> PostAnswer:  # noqa: ANN401
        try:
            with self._lock:
                record, status = act(_parse(content)), 200
        except BadPostError as error:
            record, status = {"error": str(error)}, 400
        except TransmodalError as error:
            record, status = {"error": error.line()}, 500
        return PostAnswer(status, PagePart(_JSON, json.dumps(record).encode()))

    def _show(self, record: dict[str, Any]) -> dict[str, Any]:
        place = record.get("place")
        return self._page(self._answers.next_place if place is None else self._place(place))

    def _take(self, record: dict[str, Any]) -> dict[str, Any]:
        place, word, seconds = (record.get(key) for key in ("place", "answer", "seconds"))
        place = self._place(place)
        item = self._session.items[self._answers.order[place]]
        if word not in WORDS[item.question]:
            raise BadPostError(f"an answer other than {', '.join(WORDS[item.question])}")
        if not isinstance(seconds, int | float) or not math.isfinite(seconds) or seconds < 0:
            raise BadPostError("no time")
        self._answers.add(place, str(word), min(float(seconds), _LONGEST_S))
        return self._page(self._answers.next_place)

    def _place(self, place: object) -> int:
        """Return the place of an item that the reader has come to."""
        last = min(self._answers.next_place, len(self._answers.order) - 1)
        if not isinstance(place, int) or isinstance(place, bool) or not 0 <= place <= last:
            raise BadPostError("an item that this reader has not come to")
        return place

    def _page(self, place: int) -> dict[str, Any]:
        """Return what the page shows of the item at a place; nothing else of it leaves the server."""
        total = len(self._answers.order)
        record: dict[str, Any] = {"reader": self._answers.reader, "place": place, "total": total}
        if place == total:
            return record
        item = self._session.items[self._answers.order[place]]
        text, choices = _TEXTS[item.question]
        earlier = self._answers.answers.get(place)
        return {
            **record,
            "question": text,
            "choices": [choice._asdict() for choice in choices],
            "pictures": [self._picture(name) for name in item.pictures],
            "earlier": None if earlier is None else earlier.word,
        }

    def _picture(self, name: str) -> str:
        path = self._pictures / name
        if files.sha256_file(path) != self._session.pictures[name]:
            raise IntegrityError(
                "E501",
                "a picture of this session was changed since it was made",
                "the file that was written",
                "Make the session again.",
            )
        return b64encode(regular.read_bytes(path)).decode("ascii")


def _parse(content: bytes) -> dict[str, Any]:
    try:
        return files.parse_json(content.decode("utf-8"))
    except (ValueError, TypeError) as error:
        raise BadPostError("no JSON object") from error
