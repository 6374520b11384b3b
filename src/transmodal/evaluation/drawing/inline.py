"""Strips as addresses that a page holds inside."""

from __future__ import annotations

from transmodal.evaluation.drawing.figures import DisplayWindow, error_levels, error_palette, grey, png
from transmodal.evaluation.drawing.html import data_uri
from transmodal.evaluation.drawing.planes import Strip


def grey_uri(strip: Strip, window: DisplayWindow) -> str:
    """Return a strip in its window, `(H, W)` or `(H, W, 3)` in colour, as PNG inside an address."""
    return data_uri(png(grey(strip, window)))


def error_uri(strip: Strip, limit: float) -> str:
    """Return signed differences in the colours of errors, from `-limit` to `limit`, as PNG inside an address."""
    return data_uri(png(error_levels(strip, limit), error_palette()))
