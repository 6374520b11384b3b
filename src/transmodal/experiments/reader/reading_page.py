"""The page of a reader, served to this machine alone: it takes one key for an answer and shows nothing but pictures."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template

from transmodal.experiments.reader.answers import AnswerFile
from transmodal.experiments.reader.desk import ReaderDesk
from transmodal.experiments.reader.session import ReaderSession
from transmodal.notice import INTENDED_USE
from transmodal.viewing.page import PagePart
from transmodal.viewing.server import PageServer

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'"
"""Content-Security-Policy of the page."""
_FOLDER = Path(__file__).parent


def page_parts(session: ReaderSession) -> dict[str, PagePart]:
    """Return the files of the page by name; they are the same for every session but for its title and size."""
    rows, columns = session.shape
    page = Template(_text("reader.html")).substitute(
        policy=escape(POLICY),
        title=escape(session.title),
        notice=escape(INTENDED_USE),
        rows=rows,
        columns=columns,
    )
    return {
        "": PagePart("text/html; charset=utf-8", page.encode()),
        "reader.css": PagePart("text/css; charset=utf-8", _text("reader.css").encode()),
        "reader.js": PagePart("text/javascript; charset=utf-8", _text("reader.js").encode()),
    }


def serve_reader(folder: Path, session: ReaderSession, answers: AnswerFile) -> PageServer:
    """Return a server of the page of one reader.

    Args:
        folder: of the session.
        session: that is read.
        answers: of the reader, open for as long as the server runs.
    """
    desk = ReaderDesk(folder, session, answers)
    return PageServer(page_parts(session), {"item": desk.item, "answer": desk.answer})


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
