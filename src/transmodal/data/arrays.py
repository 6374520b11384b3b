"""Arrays of one window: cut out of a case's memory-mapped volumes, and mapped to the translator's ranges."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.store import PreparedCase
from transmodal.data.mislabelled import mislabel
from transmodal.data.planted import PlantedMove
from transmodal.data.stream import Stream, StreamCase
from transmodal.volumes.geometry.reorient import working_grid
from transmodal.volumes.intensity import IntensityMap
from transmodal.volumes.windows.cut import Cutting, Window, cut


class OpenCase(NamedTuple):
    """One case's memory-mapped arrays on the working grid; opening them costs more than cutting a window."""

    sources: tuple[NDArray[Any] | None, ...]
    region: NDArray[np.bool_]
    target: NDArray[Any] | None
    mask: NDArray[np.bool_] | None
    segmentation: NDArray[Any] | None


def open_case(stream: Stream, case: PreparedCase) -> OpenCase:
    """Open the arrays of a case that a stream reads; what is planted in a study is kept in memory."""
    spacing = stream.spacing_mm
    move = None if stream.misalignment is None else PlantedMove(stream.misalignment, case.id)

    def voxels(name: str) -> NDArray[Any] | None:
        if name not in case.modalities:
            return None
        volume = case.volume(name, spacing)
        return volume.voxels if move is None or move.modality != name else move.of(volume).voxels

    def labels(array: NDArray[Any] | None) -> NDArray[Any] | None:
        if array is None or move is None or move.modality != stream.target:
            return array
        return move.of_labels(array, working_grid(case.grid, spacing))

    def segmentation() -> NDArray[Any] | None:
        array = case.segmentation(spacing)
        if array is not None and stream.mislabelling is not None:
            array = mislabel(np.asarray(array), stream.mislabelling, case.id)
        return labels(array)

    return OpenCase(
        sources=tuple(voxels(name) for name in stream.sources),
        region=case.region(stream.sources[0], stream.region, spacing),
        target=voxels(stream.target),
        mask=labels(case.mask(spacing)) if "mask" in stream.needs else None,
        segmentation=segmentation() if "segmentation" in stream.needs else None,
    )


class WindowArrays:
    """One window's arrays, `(C, *S)` each.

    Attributes:
        window: where it lies in the volume.
    """

    def __init__(self, stream: Stream, case: StreamCase, arrays: OpenCase, window: Window) -> None:
        self._stream, self._case, self._arrays = stream, case, arrays
        self._part, self._window = _surroundings(arrays.region.shape, window, stream.cutting)
        self.window = window

    def sources(self) -> list[NDArray[np.float32] | None]:
        """Map and mask the voxels, then cut: in the order of inference, so that resizing gets the same input."""
        outside = None if is_whole(self._arrays.region) else ~self._arrays.region[self._part]
        parts: list[NDArray[np.float32] | None] = []
        for voxels, source_map in zip(self._arrays.sources, self._case.source_maps, strict=True):
            if voxels is None or source_map is None:
                parts.append(None)
                continue
            values = source_map.apply(voxels[self._part])
            if outside is not None:
                values[outside] = -1
            parts.append(cut(values, self._window, self._stream.cutting, fill=-1.0))
        return parts

    def target(self) -> NDArray[np.float32]:
        """Map the voxels, then cut; outside the volume they are the map's low end."""
        target_map, target = self._case.target_map, self._arrays.target
        assert target_map is not None, "a case without target in a stream of pairs"
        assert target is not None, "a case without target in a stream of pairs"
        values = target_map.apply(target[self._part])
        cutting = self._stream.cutting.centre()
        window: NDArray[np.float32] = cut(values, self._window, cutting, fill=low_end(target_map))
        return window

    def mask(self) -> NDArray[Any] | None:
        """Cut the mask; None where it is not needed."""
        return self._labels(self._arrays.mask)

    def segmentation(self) -> NDArray[Any] | None:
        """Cut the segmentation; None where it is not needed."""
        return self._labels(self._arrays.segmentation)

    def _labels(self, labels: NDArray[Any] | None) -> NDArray[Any] | None:
        if labels is None:
            return None
        return cut(labels[self._part], self._window, self._stream.cutting.centre(), fill=0, labels=True)


def is_whole(region: NDArray[np.bool_]) -> bool:
    """Return whether a region is one true byte that stands for all: no voxel lies outside of it."""
    return not any(region.strides) and bool(region.flat[0])


@lru_cache(maxsize=1024)
def low_end(target_map: IntensityMap) -> float:
    """Return what a target is beyond the volume: the low end of its map."""
    return float(target_map.apply(np.array(0.0 if target_map.low is None else target_map.low)))


def _surroundings(
    shape: tuple[int, ...], window: Window, cutting: Cutting
) -> tuple[tuple[slice, slice, slice], Window]:
    """Return the part of a volume that a window needs, and where the window lies in that part."""
    start, sides = list(window.start), list(shape[:3])
    lows, highs = [0, 0, 0], sides.copy()
    if window.axis < 0:
        lows = [max(0, first) for first in start]
        highs = [
            min(n, first + side) for n, first, side in zip(sides, start, cutting.size or (), strict=True)
        ]
    else:
        half = cutting.depth // 2
        lows[window.axis] = max(0, start[window.axis] - half)
        highs[window.axis] = min(sides[window.axis], start[window.axis] + half + 1)
    i, j, k = (slice(low, high) for low, high in zip(lows, highs, strict=True))
    moved = [first - low for first, low in zip(start, lows, strict=True)]
    return (i, j, k), Window(window.axis, (moved[0], moved[1], moved[2]))
