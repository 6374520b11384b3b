"""Pages: one HTML file that opens offline, with the style and the script that all of them share inside."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from html import escape
from pathlib import Path
from string import Template

DASH = "&ndash;"
"""Stands in a cell without a figure."""
MINUS = "&minus;"

_FOLDER = Path(__file__).parent


def document(title: str, body: str, style: str) -> str:
    """Return a page as one self-contained HTML document.

    Args:
        title: plain text.
        body: HTML; whatever comes from data is escaped already. In a table of the class `sortable` a press on a
            heading out of `headings` sorts the rows by the cells' `data-value`, or their text; empty ones go last.
        style: name of the page's own style sheet beside this file, such as `report`.
    """
    return Template(_text("page.html")).substitute(
        title=escape(title),
        style=_text("page.css") + _text(f"{style}.css").rstrip(),
        body=body,
        script=_text("page.js").rstrip(),
    )


def headings(texts: Iterable[str], n_text_columns: int = 1) -> str:
    """Return the heading cells of a table that sorts; buttons, so that a keyboard reaches them.

    Args:
        texts: plain text, one per column.
        n_text_columns: how many columns, from the first on, hold text and not figures.
    """
    return "".join(
        f'<th{" class=left" if n < n_text_columns else ""}><button type="button">{escape(text)}</button></th>'
        for n, text in enumerate(texts)
    )


def column_heads(texts: Iterable[str]) -> str:
    """Return the heading cells of a table that does not sort.

    Args:
        texts: HTML, one per column.
    """
    return "".join(f"<th>{text}</th>" for text in texts)


def table_row(name: str, cells: Iterable[str]) -> str:
    """Return a row of a table.

    Args:
        name: plain text, of the row.
        cells: HTML, one per column.
    """
    return f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def data_uri(picture: bytes, kind: str = "png") -> str:
    """Return an encoded picture as an address that a page holds inside."""
    return f"data:image/{kind};base64,{b64encode(picture).decode('ascii')}"


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
