"""The range of values that a modality can have, and volumes clipped to it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.volumes.intensity import IntensityMap

_OPEN = (-np.inf, np.inf)


class Clipped(NamedTuple):
    """The voxels that clipping changed.

    Attributes:
        voxels: how many voxels had a value outside the range; a colour voxel counts once.
        largest_excess: how far the farthest value lay outside, in the volume's unit; 0 where none did.
    """

    voxels: int = 0
    largest_excess: float = 0.0


class Bounds(NamedTuple):
    """A range of real values, its ends included; an end of None is open.

    Attributes:
        low: least value.
        high: greatest value.
    """

    low: float | None = None
    high: float | None = None

    def clip(self, voxels: NDArray[np.float32]) -> tuple[NDArray[np.float32], Clipped]:
        """Return the voxels with every value inside the range, and the count of those that were clipped.

        The one place where synthetic volumes are clipped to what their modality can be, such as HU to -1024 and above.

        Args:
            voxels: `(I, J, K)`, or `(I, J, K, 3)` in colour.
        """
        low, high = (
            np.float32(open_end if end is None else end) for end, open_end in zip(self, _OPEN, strict=True)
        )
        outside = (voxels < low) | (voxels > high)
        if not outside.any():
            return voxels, Clipped()
        beyond = voxels[outside].astype(np.float64)
        excess = np.maximum(low - beyond, beyond - high).max()
        per_voxel = outside if outside.ndim == 3 else outside.any(axis=3)
        return np.clip(voxels, low, high), Clipped(int(np.count_nonzero(per_voxel)), float(excess))

    def to_json(self) -> list[float | None]:
        """Return both ends for JSON; an open end is null."""
        return [self.low, self.high]


_OTHER_UNIT = 2.0
"""A map whose upper end lies this many times above the physical one is of another unit, such as FA in thousandths."""


def physical_bounds(own: Bounds | None, mapped_by: IntensityMap) -> Bounds:
    """Return the range of values that a modality can have, whatever makes them.

    - HU, FA and sRGB levels: their own, unless the map shows that values are of another unit.
    - MR contrasts and all else: 0 or more where the training cohort's targets are magnitudes, which is where their map
      begins at 0 or above; otherwise, and where they are mapped by z-scores, any value.

    Args:
        own: the target's bounds by its modality's record; None where it has no unit.
        mapped_by: the training cohort's map of the target.
    """
    if own is not None and (own.high is None or (mapped_by.high or 0.0) <= _OTHER_UNIT * own.high):
        return own
    return Bounds(0.0) if mapped_by.low is not None and mapped_by.low >= 0 else Bounds()


def reachable_bounds(own: Bounds | None, mapped_by: IntensityMap) -> Bounds:
    """Return the range of values that a run's synthetic volumes can have: `physical`, and its window where it has one.

    No target of training went beyond the window; the last layer of a network may.

    Args:
        own: as in `physical`.
        mapped_by: the training cohort's map of the target.
    """
    able = physical_bounds(own, mapped_by)
    return (
        _intersect(Bounds(mapped_by.low, mapped_by.high), able) if mapped_by.spec.method == "window" else able
    )


def _intersect(window: Bounds, physical: Bounds) -> Bounds:
    lows = [end for end in (window.low, physical.low) if end is not None]
    highs = [end for end in (window.high, physical.high) if end is not None]
    return Bounds(max(lows, default=None), min(highs, default=None))


def record(bounds: Bounds, clipped: Clipped) -> dict[str, Any]:
    """Return range and clipping for a volume's record, JSON-able."""
    return {"range": bounds.to_json(), "clipped": clipped._asdict()}
