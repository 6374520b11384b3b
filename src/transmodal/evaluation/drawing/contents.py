"""A list of contents of a page: its sections by their headings."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SECTION = re.compile(r"<section([^>]*)>\s*<h2>(.*?)</h2>", re.DOTALL)


def with_contents(parts: Iterable[str]) -> str:
    """Return the parts of a page as one, with a list of contents behind the first; without one for under three sections.

    Args:
        parts: HTML; each section opens with its `<h2>`, and the first part is the page's head.
    """
    head, *remainder = [part for part in parts if part]
    body = "\n".join(remainder)
    entries: list[str] = []

    def mark(match: re.Match[str]) -> str:
        name = f"section-{len(entries) + 1}"
        entries.append(f'<li><a href="#{name}">{match[2]}</a></li>')
        return f'<section{match[1]} id="{name}"><h2>{match[2]}</h2>'

    body = _SECTION.sub(mark, body)
    if len(entries) < 3:
        return f"{head}\n{body}"
    contents = f'<nav class="contents" aria-label="contents"><ol>{"".join(entries)}</ol></nav>'
    return f"{head}\n{contents}\n{body}"
