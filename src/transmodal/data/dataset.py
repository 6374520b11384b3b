"""Windows of prepared cases as a torch dataset: cut lazily from memory-mapped volumes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from transmodal.batch import Batch
from transmodal.cohorts.manifest import RegionKind
from transmodal.cohorts.store import PreparedCase
from transmodal.data.jitter import drawn
from transmodal.errors import InputError
from transmodal.volumes.intensity import IntensityMap
from transmodal.volumes.windows.cut import Cutting, Window, cut, foreground_fraction, places


@dataclass(frozen=True, slots=True)
class Augment:
    """What is varied, drawn anew for every sample and epoch.

    Attributes:
        flip_lr: mirror left and right with probability 1/2.
        gain: the source's contrast varies by up to this share around its low end.
        gamma: the exponent of the source's intensities varies by up to this share.
        shift: every source but the first is moved by up to this many voxels along each axis of the window.
        drop_sources: probability that a source is left out; one always stays.
        jitter: ratio by which slices are enlarged before a part of their own size is taken.
    """

    flip_lr: bool = False
    gain: float = 0.0
    gamma: float = 0.0
    shift: int = 0
    drop_sources: float = 0.0
    jitter: float | None = None


class StreamCase(NamedTuple):
    """A case with the maps that its intensities go through.

    Attributes:
        case: the prepared case.
        source_maps: one per source modality; None where the case lacks it.
        target_map: to the translator's output range; None where the case has no target.
    """

    case: PreparedCase
    source_maps: tuple[IntensityMap | None, ...]
    target_map: IntensityMap | None


@dataclass(frozen=True, slots=True)
class Stream:
    """What one phase of training reads.

    Attributes:
        cases: with their maps.
        sources: source modalities in the translator's order.
        target: target modality.
        spacing_mm: of the working grid; None keeps the prepared one.
        region: where sources are looked at; outside they are -1.
        cutting: how windows are cut.
        axes: slice axes; unused for patches.
        needs: what the translator needs beside the source, such as `mask`.
        augment: what is varied.
        min_foreground: windows with a smaller share of the region are left out.
        central: whether only the middle slice along each axis is read.
        unpaired: whether targets come from other windows than the sources.
        channels: of each source modality, which a missing one cannot tell.
        target_cases: cases that have the target and no source, of a cohort without pairs; targets come from them
            alone then, and `cases` need not have any.
    """

    cases: tuple[StreamCase, ...]
    sources: tuple[str, ...]
    target: str
    spacing_mm: float | None
    region: RegionKind
    cutting: Cutting
    axes: tuple[int, ...]
    needs: frozenset[str] = frozenset({"target"})
    augment: Augment = field(default_factory=Augment)
    min_foreground: float = 0.0
    central: bool = False
    unpaired: bool = False
    channels: tuple[int, ...] | None = None
    target_cases: tuple[StreamCase, ...] = ()

    def of_targets(self) -> Stream:
        """Return what reads the targets of a cohort without pairs: they are looked at where they have content."""
        return replace(
            self,
            cases=self.target_cases,
            sources=(self.target,),
            needs=frozenset({"target"}),
            augment=Augment(),
            unpaired=False,
            target_cases=(),
        )


class WindowDataset(Dataset[Batch]):
    """One item is one window, as a `Batch` without the batch dimension.

    Items are asked for by `(index, seed)`: every random number of an item comes from its seed.

    Attributes:
        stream: what is read.
        features: gives the stored features of a window by its index; None where there are none.

    Raises:
        InputError: E132 when no window is left.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._windows = [
            (n, window) for n, one in enumerate(stream.cases) for window in _windows(stream, one.case)
        ]
        self._open: dict[int, _Open] = {}
        self._targets = WindowDataset(stream.of_targets()) if stream.target_cases else self
        self.features: Callable[[int], Tensor] | None = None
        if not self._windows:
            raise InputError(
                "E132",
                "no window with enough of the region",
                "one or more",
                "Lower windows.min_foreground, or check the masks.",
            )

    def __len__(self) -> int:
        return len(self._windows)

    def __getitem__(self, key: tuple[int, int]) -> Batch:
        index, seed = key
        draw = np.random.default_rng(seed)
        arrays = self._arrays(index)
        sources = arrays.sources()
        target = None if self.stream.unpaired else arrays.target()
        mask, segmentation = arrays.mask(), arrays.segmentation()
        augment = self.stream.augment
        jitter = drawn(augment.jitter, draw)
        if jitter is not None:
            sources = [None if part is None else jitter.of(part) for part in sources]
            target = None if target is None else jitter.of(target)
            mask, segmentation = (
                None if labels is None else jitter.of_labels(labels) for labels in (mask, segmentation)
            )
        sources = [None if one is None else _varied(one, augment, draw) for one in sources]
        if augment.flip_lr and draw.random() < 0.5:
            flip = _left_right(arrays.window)
            sources = [_flipped_or_none(one, flip) for one in sources]
            target = _flipped_or_none(target, flip)
            mask, segmentation = _flipped_or_none(mask, flip), _flipped_or_none(segmentation, flip)
        sources = _shifted(sources, augment.shift, draw)
        sources = _dropped(sources, augment.drop_sources, draw)
        if target is None:
            target = self._targets._unpaired(augment, draw)
        return Batch(
            source=_tensor(_together(sources, self.stream)),
            available=torch.tensor([float(one is not None) for one in sources]),
            target=_tensor(target),
            mask=None if mask is None else _tensor(mask.astype(np.float32)),
            segmentation=None if segmentation is None else _tensor(segmentation[0].astype(np.int64)),
            features=None if self.features is None else self.features(index),
            draw=torch.tensor(seed, dtype=torch.int64),
        )

    def window(self, index: int) -> Window:
        """Return the window of an index."""
        return self._windows[index][1]

    def spans(self) -> list[range]:
        """Return each case's indices; they follow one another."""
        counts = [0] * len(self.stream.cases)
        for number, _ in self._windows:
            counts[number] += 1
        ends = np.cumsum(counts).tolist()
        return [range(end - count, end) for end, count in zip(ends, counts, strict=True)]

    def _unpaired(self, augment: Augment, draw: np.random.Generator) -> NDArray[np.float32]:
        """Return the target of any window, jittered and mirrored by draws of its own."""
        arrays = self._arrays(int(draw.integers(len(self))))
        target, jitter = arrays.target(), drawn(augment.jitter, draw)
        target = target if jitter is None else jitter.of(target)
        if augment.flip_lr and draw.random() < 0.5:
            target = _flipped(target, _left_right(arrays.window))
        return target

    def _arrays(self, index: int) -> _Arrays:
        number, window = self._windows[index]
        one = self.stream.cases[number]
        if number not in self._open:
            self._open[number] = _opened(self.stream, one.case)
        return _Arrays(self.stream, one, self._open[number], window)


def collate(items: Sequence[Batch]) -> Batch:
    """Stack items into a batch."""

    def stacked(name: str) -> Tensor | None:
        values = [getattr(item, name) for item in items]
        return None if values[0] is None else torch.stack(values)

    return Batch(
        source=torch.stack([item.source for item in items]),
        available=torch.stack([item.available for item in items]),
        target=stacked("target"),
        mask=stacked("mask"),
        segmentation=stacked("segmentation"),
        features=stacked("features"),
        draw=stacked("draw"),
    )


class _Open(NamedTuple):
    """One case's memory-mapped arrays on the working grid; opening them costs more than cutting a window."""

    sources: tuple[NDArray[Any] | None, ...]
    region: NDArray[np.bool_]
    target: NDArray[Any] | None
    mask: NDArray[np.bool_] | None
    segmentation: NDArray[Any] | None


def _opened(stream: Stream, case: PreparedCase) -> _Open:
    spacing = stream.spacing_mm
    return _Open(
        sources=tuple(
            case.volume(name, spacing).voxels if name in case.modalities else None for name in stream.sources
        ),
        region=case.region(stream.sources[0], stream.region, spacing),
        target=case.volume(stream.target, spacing).voxels if stream.target in case.modalities else None,
        mask=case.mask(spacing) if "mask" in stream.needs else None,
        segmentation=case.segmentation(spacing) if "segmentation" in stream.needs else None,
    )


class _Arrays:
    """One window's arrays, `(C, *S)` each."""

    def __init__(self, stream: Stream, one: StreamCase, opened: _Open, window: Window) -> None:
        self._stream, self._one, self._opened = stream, one, opened
        self._near, self._window = _nearby(opened.region.shape, window, stream.cutting)
        self.window = window

    def sources(self) -> list[NDArray[np.float32] | None]:
        """Map and mask the voxels, then cut: in the order in which inference does, so that resizing sees the same."""
        inside = self._opened.region[self._near]
        parts: list[NDArray[np.float32] | None] = []
        for real, mapped_by in zip(self._opened.sources, self._one.source_maps, strict=True):
            if real is None or mapped_by is None:
                parts.append(None)
                continue
            values = mapped_by.apply(real[self._near])
            spread = inside if values.ndim == 3 else inside[..., None]
            seen = np.where(spread, values, np.float32(-1))
            parts.append(cut(seen, self._window, self._stream.cutting, fill=-1.0))
        return parts

    def target(self) -> NDArray[np.float32]:
        mapped_by, target = self._one.target_map, self._opened.target
        assert mapped_by is not None, "a case without target in a stream of pairs"
        assert target is not None, "a case without target in a stream of pairs"
        values = mapped_by.apply(target[self._near])
        low = float(mapped_by.apply(np.array(0.0 if mapped_by.low is None else mapped_by.low)))
        taken: NDArray[np.float32] = cut(values, self._window, self._stream.cutting.centre(), fill=low)
        return taken

    def mask(self) -> NDArray[Any] | None:
        mask = self._opened.mask
        return None if mask is None else self._labels(mask, self._stream.cutting.centre())

    def segmentation(self) -> NDArray[Any] | None:
        labels = self._opened.segmentation
        return None if labels is None else self._labels(labels, self._stream.cutting.centre())

    def _labels(self, array: NDArray[Any], cutting: Cutting) -> NDArray[Any]:
        return cut(array[self._near], self._window, cutting, fill=0, labels=True)


def _nearby(
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


def _together(parts: Sequence[NDArray[np.float32] | None], stream: Stream) -> NDArray[np.float32]:
    """Join the sources; one that is missing is 0, which `available` tells from a value of 0."""
    there = next(part for part in parts if part is not None)
    channels = stream.channels or (1,) * len(parts)
    return np.concatenate(
        [
            np.zeros((n * stream.cutting.depth, *there.shape[1:]), np.float32) if part is None else part
            for part, n in zip(parts, channels, strict=True)
        ]
    )


def _windows(stream: Stream, case: PreparedCase) -> list[Window]:
    region = case.region(stream.sources[0], stream.region, stream.spacing_mm)
    axes: Sequence[int | None] = (None,) if stream.cutting.kind == "patch" else stream.axes
    found = [window for axis in axes for window in places(region.shape, stream.cutting, axis)]
    if stream.central:
        found = [one for one in found if one.start[one.axis] == region.shape[one.axis] // 2]
    if stream.min_foreground <= 0:
        return found
    return [
        window
        for window in found
        if foreground_fraction(region, window, stream.cutting) >= stream.min_foreground
    ]


def _varied(source: NDArray[np.float32], augment: Augment, draw: np.random.Generator) -> NDArray[np.float32]:
    """Vary contrast on the scale [0, 1]; the background, -1, stays where it is."""
    if augment.gain <= 0 and augment.gamma <= 0:
        return source
    unit = (source + 1) / 2
    gain = 1 + draw.uniform(-augment.gain, augment.gain)
    gamma = 1 + draw.uniform(-augment.gamma, augment.gamma)
    varied: NDArray[np.float32] = (np.clip(gain * unit, 0, 1) ** gamma * 2 - 1).astype(np.float32)
    return varied


def _shifted(
    parts: Sequence[NDArray[np.float32] | None], most: int, draw: np.random.Generator
) -> list[NDArray[np.float32] | None]:
    """Move every source but the first by whole voxels; what comes in from outside is background, -1."""
    if most == 0:
        return list(parts)
    moved = [parts[0]]
    for part in parts[1:]:
        sides = 3 if part is None else part.ndim - 1
        by = draw.integers(-most, most + 1, size=sides)
        moved.append(None if part is None else _moved(part, by))
    return moved


def _moved(part: NDArray[np.float32], by: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    out = np.full_like(part, -1)
    pairs = [
        (slice(max(0, -n), side - max(0, n)), slice(max(0, n), side - max(0, -n)))
        for n, side in zip(by.tolist(), part.shape[1:], strict=True)
    ]
    out[(slice(None), *(to for _, to in pairs))] = part[(slice(None), *(of for of, _ in pairs))]
    return out


def _dropped(
    parts: Sequence[NDArray[np.float32] | None], share: float, draw: np.random.Generator
) -> list[NDArray[np.float32] | None]:
    """Leave sources out by chance, but never all that are there."""
    if share <= 0:
        return list(parts)
    there = [n for n, part in enumerate(parts) if part is not None]
    dropped = {n for n in there if draw.random() < share}
    if len(dropped) == len(there):
        dropped.discard(there[int(draw.integers(len(there)))])
    return [None if n in dropped else part for n, part in enumerate(parts)]


def _left_right(window: Window) -> int | None:
    """Return the window's array axis that runs left to right (volume axis 0), or None for sagittal slices."""
    return None if window.axis == 0 else 1


def _flipped(array: NDArray[Any], axis: int | None) -> NDArray[Any]:
    return array if axis is None else np.flip(array, axis)


def _flipped_or_none(array: NDArray[Any] | None, axis: int | None) -> NDArray[Any] | None:
    return None if array is None else _flipped(array, axis)


def _tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))
