"""Intensity maps from real values to the range that networks take, each with its inverse."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.volumes.voxels import is_finite

Method = Literal["window", "percentile", "zscore", "minmax"]
Range = Literal["signed", "unit", "free"]


@dataclass(frozen=True, slots=True)
class IntensitySpec:
    """The method by which a map is fitted, and its ends.

    Attributes:
        method: `window` (fixed real values), `percentile` (of the voxels inside a mask), `minmax` or
            `zscore` (mean and standard deviation inside a mask).
        low: lower end: real units for a window, per cent for percentiles; not used otherwise.
        high: upper end, likewise.

    Raises:
        UsageError: E001 when the ends do not make an interval.
    """

    method: Method
    low: float = 0.0
    high: float = 100.0

    def __post_init__(self) -> None:
        usable = self.method in get_args(Method)
        if self.method in ("window", "percentile"):
            usable &= bool(np.isfinite([self.low, self.high]).all()) and self.low < self.high
        if self.method == "percentile":
            usable &= self.low >= 0 and self.high <= 100
        if not usable:
            raise UsageError(
                "E001",
                f"intensity {self.method} from {self.low:g} to {self.high:g}",
                "window, percentile (0 to 100), minmax or zscore, with low below high",
                "Correct the intensity setting.",
            )


ENDS: Mapping[Range, tuple[float, float]] = {"signed": (-1.0, 1.0), "unit": (0.0, 1.0), "free": (-1.0, 1.0)}
"""The ends of each range; a free one is clipped where it is applied, and not where it is inverted."""

_COUNTED = 1 << 16
"""Range of integers up to which they are counted and not sorted: all of 16 bits."""
_AT_ONCE = 1 << 18


@dataclass(frozen=True, slots=True)
class IntensityMap:
    """A fitted map, `clip(values, low, high) * scale + offset`, and its inverse.

    Attributes:
        spec: how it was found.
        scale: mapped units per real unit; never 0.
        offset: mapped value of a real 0.
        low: real values below are clipped to it; None does not clip.
        high: real values above are clipped to it; None does not clip.
        range: `signed` [-1, 1], `unit` [0, 1], or `free`: what a network makes of it is not bounded, so
            that its inverse is not either.
    """

    spec: IntensitySpec
    scale: float
    offset: float
    low: float | None
    high: float | None
    range: Range = "signed"

    def apply(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Map real values of any type and shape; float32 comes back, never beyond the range's ends."""
        work = np.array(values, dtype=np.float32, subok=False)
        if self.low is not None or self.high is not None:
            np.clip(work, self.low, self.high, out=work)
        # From an anchor among the values, not from 0: the low end is exact, and no digit cancels where
        # the values are large beside their spread.
        anchor = -self.offset / self.scale if self.low is None else self.low
        work -= anchor
        work *= self.scale
        work += self.offset + anchor * self.scale
        if self.low is not None and self.high is not None:
            np.clip(work, *ENDS[self.range], out=work)
        return work

    def invert(self, mapped: NDArray[Any]) -> NDArray[np.float32]:
        """Map back to real values, clipped to low and high unless the range is `free`."""
        work = np.array(mapped, dtype=np.float64, subok=False)
        work -= self.offset
        work /= self.scale
        if self.range != "free" and (self.low is not None or self.high is not None):
            np.clip(work, self.low, self.high, out=work)
        return work.astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` takes; numbers keep every bit."""
        return {
            "method": self.spec.method,
            "spec_low": self.spec.low,
            "spec_high": self.spec.high,
            "scale": self.scale,
            "offset": self.offset,
            "low": self.low,
            "high": self.high,
            "range": self.range,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> IntensityMap:
        """Rebuild a map.

        Raises:
            InputError: E103 when a value is missing or makes no sense.
        """
        try:
            spec = IntensitySpec(data["method"], float(data["spec_low"]), float(data["spec_high"]))
            low, high = data["low"], data["high"]
            scale, offset = float(data["scale"]), float(data["offset"])
            low, high = (None if end is None else float(end) for end in (low, high))
            finite = np.isfinite([scale, offset, low or 0.0, high or 0.0]).all()
            if scale == 0 or not finite or data["range"] not in get_args(Range):
                raise ValueError("scale, offset, end or range")
            return cls(spec, scale, offset, low, high, data["range"])
        except (KeyError, TypeError, ValueError, UsageError) as error:
            raise InputError(
                "E103", f"an intensity map with a bad {error}", "a map that prepare wrote", "Prepare again."
            ) from error


def fit(
    spec: IntensitySpec,
    voxels: NDArray[Any],
    mask: NDArray[np.bool_] | None = None,
    *,
    range: Range = "signed",  # noqa: A002 - the field's word for it
) -> IntensityMap:
    """Fit a map to voxels.

    Args:
        spec: how.
        voxels: `(I, J, K)` or `(I, J, K, 3)` real values.
        mask: `(I, J, K)`; what to look at for percentiles, minmax and z-score; None looks at all.
        range: what the values are mapped to; z-scores are `free` whatever is asked.

    Raises:
        InputError: E124 when the mask is empty, E130 when it has another shape, E120 when voxels inside
            it are not finite.
    """
    if spec.method == "window":
        return _linear_map(spec, spec.low, spec.high, range)
    inside = _voxels_inside(voxels, mask)
    if spec.method == "zscore":
        inside = inside.astype(np.float64)
        return _zscore_map(spec, float(inside.mean()), float(inside.std()))
    if spec.method == "minmax":
        return _linear_map(spec, float(inside.min()), float(inside.max()), range)
    low, high = _percentiles(inside, spec.low, spec.high)
    return _linear_map(spec, low, high, range)


def cohort_map(maps: Sequence[IntensityMap]) -> IntensityMap:
    """Return one map for a training cohort: a window as it is, else the median ends of its cases.

    Raises:
        InputError: E132 when there is no case.
        UsageError: E004 when the cases were mapped in different ways.
    """
    if not maps:
        raise InputError("E132", "no training case", "one or more", "Prepare a larger cohort.")
    first = maps[0]
    if any(case_map.spec != first.spec or case_map.range != first.range for case_map in maps):
        raise UsageError("E004", "cases mapped in different ways", "one way per modality", "Prepare again.")
    if first.spec.method == "zscore":
        means = [-case_map.offset / case_map.scale for case_map in maps]
        return _zscore_map(
            first.spec, float(np.median(means)), float(np.median([1 / case_map.scale for case_map in maps]))
        )
    lows = [case_map.low for case_map in maps if case_map.low is not None]
    highs = [case_map.high for case_map in maps if case_map.high is not None]
    return _linear_map(first.spec, float(np.median(lows)), float(np.median(highs)), first.range)


def _percentiles(values: NDArray[Any], *per_cent: float) -> Iterator[float]:
    """Yield percentiles as `numpy.percentile` gives them of doubles, exactly; `values` may be reordered."""
    flat, last = values.reshape(-1), values.size - 1
    places = [percentile / 100 * last for percentile in per_cent]
    around = [(math.floor(place), min(math.floor(place) + 1, last)) for place in places]
    sorted_values = _order_statistics(flat, sorted({index for pair in around for index in pair}))
    for place, (below, above) in zip(places, around, strict=True):
        low, high, share = sorted_values[below], sorted_values[above], place - below
        # From the nearer end, as numpy does it, so that both ends come out exactly.
        yield low + (high - low) * share if share < 0.5 else high - (high - low) * (1 - share)


def _order_statistics(values: NDArray[Any], places: Sequence[int]) -> dict[int, float]:
    """Return the values at these places of the sorted values."""
    whole = values.dtype.kind in "iu" and values.dtype.itemsize <= 4
    least = int(values.min()) if whole else 0
    if whole and int(values.max()) - least <= _COUNTED:
        counts = np.zeros(_COUNTED + 1, np.intp)
        for start in range(0, values.size, _AT_ONCE):
            part = values[start : start + _AT_ONCE].astype(np.int64) - least
            counts += np.bincount(part, minlength=len(counts))
        values_there = least + np.searchsorted(counts.cumsum(), places, side="right")
        return dict(zip(places, values_there.astype(float).tolist(), strict=True))
    values.partition(places)
    return {place: float(values[place]) for place in places}


def _voxels_inside(voxels: NDArray[Any], mask: NDArray[np.bool_] | None) -> NDArray[Any]:
    """Return a copy of the voxels that count."""
    if mask is not None and mask.shape != voxels.shape[:3]:
        raise InputError(
            "E130",
            f"a mask of shape {mask.shape} for voxels of shape {voxels.shape}",
            "a mask on the volume's grid",
            "Resample the mask onto the volume's grid first.",
        )
    inside = np.array(voxels, subok=False) if mask is None else voxels[mask.astype(bool, copy=False)]
    if inside.size == 0:
        raise InputError("E124", "no voxel inside the mask", "a mask with voxels", "Check the mask.")
    if inside.dtype.kind == "f" and not is_finite(inside):
        wrong = int(inside.size - np.isfinite(inside).sum())
        raise InputError(
            "E120",
            f"{wrong} voxels that are not finite",
            "finite voxels inside the mask",
            "Repair the image, or read it with non-finite voxels set to zero.",
        )
    return inside


def _linear_map(spec: IntensitySpec, low: float, high: float, range: Range) -> IntensityMap:  # noqa: A002
    # A constant image has no width of its own: a unit above it, or more, is the other end, so that its
    # values go to the low end and come back exactly.
    if _is_degenerate(high - low, max(abs(low), abs(high))):
        high = low + max(1.0, abs(low) * 1e-3)
    bottom, top = ENDS[range]
    scale = (top - bottom) / (high - low)
    return IntensityMap(spec, scale, bottom - low * scale, low, high, range)


def _zscore_map(spec: IntensitySpec, mean: float, deviation: float) -> IntensityMap:
    scale = 1.0 if _is_degenerate(deviation, abs(mean)) else 1.0 / deviation
    return IntensityMap(spec, scale, -mean * scale, None, None, "free")


def _is_degenerate(width: float, size: float) -> bool:
    """Return whether float32 cannot tell values apart that differ by `width` at this size."""
    return width <= max(1e-30, 1e-7 * size)
