"""Closed polygons on a lattice: even-odd, so that a polygon inside another is a hole in it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def fill_polygons(polygons: Iterable[Points], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the places of a lattice that lie inside an odd number of polygons.

    A place on an edge counts where the inside begins behind it, so that polygons with a common edge share no place.

    Args:
        polygons: `(N, 2)` each, in places of the lattice; the last corner is joined with the first.
        shape: of the lattice.
    """
    rows, columns = shape
    crossings = np.zeros((rows, columns + 1), np.int64)
    for polygon in polygons:
        for start, end in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            _cross(crossings, start, end)
    # Each crossing of an edge toggles all that lies behind it on the row.
    inside: NDArray[np.bool_] = np.cumsum(crossings[:, :columns], axis=1) % 2 == 1
    return inside


def _cross(crossings: NDArray[np.int64], start: Points, end: Points) -> None:
    """Count, on each row that an edge crosses, the first column behind the crossing."""
    if start[0] == end[0]:
        return
    low, high = (start, end) if start[0] < end[0] else (end, start)
    rows = np.arange(max(0, int(np.ceil(low[0]))), min(len(crossings), int(np.ceil(high[0]))))
    places = low[1] + (rows - low[0]) * (high[1] - low[1]) / (high[0] - low[0])
    columns = np.clip(np.ceil(places), 0, crossings.shape[1] - 1).astype(np.int64)
    crossings[rows, columns] += 1
