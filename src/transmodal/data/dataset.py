"""Windows of prepared cases as a torch dataset: cut lazily from memory-mapped volumes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from transmodal.batch import Batch
from transmodal.data.arrays import OpenCase, WindowArrays, open_case
from transmodal.data.augmentation import Sample, Sources, augment_sample, augment_target
from transmodal.data.recent import RecentCases
from transmodal.data.stream import Stream
from transmodal.errors import InputError
from transmodal.volumes.windows.cut import Window
from transmodal.volumes.windows.plane_channels import plane_channels


class WindowDataset(Dataset[Batch]):
    """One item is one window, as a `Batch` without the batch dimension.

    Items are asked for by `(index, seed)`: every random number of an item comes from its seed.

    Attributes:
        stream: the cases.
        features: gives the stored features of a window by its index; None where there are none.

    Raises:
        InputError: E132 when no window is left.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._windows = [
            (number, window)
            for number, source in enumerate(stream.cases)
            for window in stream.windows(source.case)
        ]
        self._open: RecentCases[OpenCase] = RecentCases(self._open_case)
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
        arrays, is_pair = self._arrays(index), self._is_pair(index)
        sample = Sample(
            sources=arrays.sources(),
            target=arrays.target() if is_pair else None,
            mask=arrays.mask(),
            segmentation=arrays.segmentation(),
        )
        sample = augment_sample(sample, self.stream.augment, arrays.window, draw)
        target = self._targets._draw_target(self.stream, draw) if sample.target is None else sample.target
        mask, labels = sample.mask, sample.segmentation
        return Batch(
            source=_tensor(_join(sample.sources, self.stream, arrays.window)),
            available=torch.tensor([float(source is not None) for source in sample.sources]),
            target=_tensor(target),
            mask=None if mask is None else _tensor(mask.astype(np.float32)),
            segmentation=None if labels is None else _tensor(labels[0].astype(np.int64)),
            features=None if self.features is None else self.features(index),
            draw=torch.tensor(seed, dtype=torch.int64),
            is_pair=torch.tensor(is_pair) if self.stream.pairs else None,
        )

    def place(self, index: int) -> tuple[int, Window]:
        """Return the number of the case of an index, and the window in it."""
        return self._windows[index]

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

    def _draw_target(self, stream: Stream, draw: np.random.Generator) -> NDArray[np.float32]:
        """Return the target of any window, varied as the sources' stream says, by draws of its own."""
        arrays = self._arrays(int(draw.integers(len(self))))
        return augment_target(arrays.target(), stream.augment, arrays.window, draw)

    def _is_pair(self, index: int) -> bool:
        """Return whether a window comes with the target of its own place."""
        case = self.stream.cases[self._windows[index][0]].case
        return not self.stream.unpaired or case.id in self.stream.pairs

    def _arrays(self, index: int) -> WindowArrays:
        number, window = self._windows[index]
        return WindowArrays(self.stream, self.stream.cases[number], self._open[number], window)

    def _open_case(self, number: int) -> OpenCase:
        return open_case(self.stream, self.stream.cases[number].case)


def collate(items: Sequence[Batch]) -> Batch:
    """Stack items into a batch."""

    def stack(name: str) -> Tensor | None:
        values = [getattr(item, name) for item in items]
        return None if values[0] is None else torch.stack(values)

    return Batch(
        source=torch.stack([item.source for item in items]),
        available=torch.stack([item.available for item in items]),
        target=stack("target"),
        mask=stack("mask"),
        segmentation=stack("segmentation"),
        features=stack("features"),
        draw=stack("draw"),
        is_pair=stack("is_pair"),
    )


def _join(sources: Sources, stream: Stream, window: Window) -> NDArray[np.float32]:
    """Join the sources, and what tells the plane; a missing one is 0, which `available` tells from a value of 0."""
    first = next(source for source in sources if source is not None)
    channels = stream.channels or (1,) * len(sources)
    parts = [
        np.zeros((n * stream.cutting.depth, *first.shape[1:]), np.float32) if source is None else source
        for source, n in zip(sources, channels, strict=True)
    ]
    if stream.plane_channels:
        parts.append(plane_channels(window.axis, first.shape[1:]))
    return np.concatenate(parts)


def _tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))
