"""The entrance for browsers: one page on which a volume goes in, its job is watched, and its results are saved."""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from transmodal.notice import INTENDED_USE
from transmodal.viewing.page import SERVED_POLICY, PagePart

PATHS = frozenset({"/page.css", "/page.js"})
"""Paths of what the page itself asks for. They hold nothing of a model or a job, and need no token."""
POLICY = f"{SERVED_POLICY}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
"""Content-Security-Policy of the page."""
_PLACE = Path(__file__)


def is_asked_for(path: str, headers: Mapping[str, str]) -> bool:
    """Return whether a browser asks for the page, or for a part of it; programs get JSON at the same address.

    Args:
        path: that is asked for.
        headers: by name in small letters.
    """
    return path in PATHS or (path == "/" and "text/html" in headers.get("accept", ""))


@cache
def parts() -> Mapping[str, PagePart]:
    """Return the page under `/`, and its parts by their paths."""
    page = (
        _PLACE.with_suffix(".html").read_text(encoding="utf-8").replace("NOTICE", html.escape(INTENDED_USE))
    )
    return {
        "/": PagePart("text/html; charset=utf-8", page.encode()),
        "/page.css": PagePart("text/css; charset=utf-8", _PLACE.with_suffix(".css").read_bytes()),
        "/page.js": PagePart("text/javascript; charset=utf-8", _PLACE.with_suffix(".js").read_bytes()),
    }
