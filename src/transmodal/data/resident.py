"""Resident volumes: windows cut on an accelerator from volumes that lie there, the same ones as `Loader` gives.

Grey slices of pairs, mirrored or not, are cut so; what varies windows otherwise, slabs, patches, colour and labels are left to
`Loader`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from transmodal.batch import Batch
from transmodal.data.arrays import is_whole, low_end, open_case
from transmodal.data.dataset import WindowDataset
from transmodal.data.loader import Epoch, Keys, Share, plan_epoch
from transmodal.data.stream import Stream
from transmodal.recipes.training_schema import Augment
from transmodal.volumes.intensity import ENDS, IntensityMap
from transmodal.volumes.windows.cut import Window
from transmodal.volumes.windows.fitting import Side, resize_matrix, sides_of

_SHARE = 2
"""Volumes may take half of the memory that is free: networks and their gradients need the rest."""


class _Case(NamedTuple):
    sources: tuple[Tensor, ...]
    region: Tensor | None
    target: Tensor


class ResidentLoader:
    """Batches of a dataset, epoch after epoch, cut where its volumes lie; draws and order are those of `Loader`.

    Args:
        dataset: windows of a stream that `can_reside`.
        share: of this process; it has no workers.
        device: that the volumes are copied to.
    """

    def __init__(self, dataset: WindowDataset, share: Share, device: torch.device) -> None:
        self._dataset, self._share, self._device = dataset, share, device
        self._cases: dict[int, _Case] = {}
        self._matrices: dict[Side, Tensor] = {}

    def batches(self, epoch: Epoch, *, skip: int = 0, step: int = 0) -> Generator[Batch, None, None]:
        """Yield one epoch's batches, or the rest of it, on the device; as `Loader.batches`."""
        plan = plan_epoch(len(self._dataset), epoch, self._share, skip)
        for number, keys in enumerate(plan, start=step):
            yield self._cut(keys)._replace(phase=epoch.phase, step=number)

    def close(self) -> None:
        """Let go of the volumes."""
        self._cases.clear()

    def _cut(self, keys: Keys) -> Batch:
        pairs = [self._pair(index, seed) for index, seed in keys]
        return Batch(
            source=torch.stack([source for source, _ in pairs]),
            available=torch.ones(len(keys), len(self._dataset.stream.sources)),
            target=torch.stack([target for _, target in pairs]),
            draw=torch.tensor([seed for _, seed in keys], dtype=torch.int64),
        )

    def _pair(self, index: int, seed: int) -> tuple[Tensor, Tensor]:
        stream = self._dataset.stream
        number, window = self._dataset.place(index)
        case, maps = self._case(number), stream.cases[number]
        region = None if case.region is None else case.region.select(window.axis, window.start[window.axis])
        parts = []
        for voxels, source_map in zip(case.sources, maps.source_maps, strict=True):
            assert source_map is not None, "a resident case without a source"
            values = _mapped(voxels.select(window.axis, window.start[window.axis]), source_map)
            if region is not None:
                values = torch.where(region, values, -1.0)
            parts.append(self._fitted(values, window, voxels.shape, -1.0))
        assert maps.target_map is not None, "a resident case without target"
        values = _mapped(case.target.select(window.axis, window.start[window.axis]), maps.target_map)
        target = self._fitted(values, window, case.target.shape, low_end(maps.target_map))
        source = torch.cat(parts)
        draw = np.random.default_rng(seed)
        if stream.augment.flip_lr and draw.random() < 0.5 and window.axis != 0:
            return source.flip(1), target.flip(1)
        return source, target

    def _case(self, number: int) -> _Case:
        if number not in self._cases:
            arrays = open_case(self._dataset.stream, self._dataset.stream.cases[number].case)
            assert arrays.target is not None, "a resident case without target"
            sources = tuple(self._copied(voxels) for voxels in arrays.sources if voxels is not None)
            region = None if is_whole(arrays.region) else self._copied(arrays.region)
            self._cases[number] = _Case(sources, region, self._copied(arrays.target))
        return self._cases[number]

    def _copied(self, voxels: NDArray[Any]) -> Tensor:
        wide = voxels.astype(np.int32) if voxels.dtype in (np.uint16, np.uint32) else np.array(voxels)
        return torch.from_numpy(wide).to(self._device)

    def _fitted(self, values: Tensor, window: Window, shape: Sequence[int], fill: float) -> Tensor:
        """Bring a slice `(*S)` to the window's sides, `(1, H, W)`."""
        stack = values[None]
        rows, columns = sides_of(tuple(shape), window.axis, self._dataset.stream.cutting)
        stack = stack[:, rows.voxels, columns.voxels]
        if rows.resizes:
            stack = self._matrix(rows) @ stack
        if columns.resizes:
            stack = stack @ self._matrix(columns).T
        if stack.shape[1:] == (rows.out, columns.out):
            return stack
        padded = stack.new_full((len(stack), rows.out, columns.out), fill)
        padded[:, rows.pixels, columns.pixels] = stack
        return padded

    def _matrix(self, side: Side) -> Tensor:
        if side not in self._matrices:
            self._matrices[side] = torch.from_numpy(resize_matrix(side).copy()).to(self._device)
        return self._matrices[side]


def can_reside(stream: Stream, device: torch.device) -> bool:
    """Return whether a stream's windows can be cut on a device from volumes that fit it."""
    cutting = stream.cutting
    plain = _unmirrored(stream.augment) == Augment() and cutting.kind == "slice" and cutting.depth == 1
    plain &= not stream.plane_channels
    whole = not stream.unpaired and stream.needs <= {"target"} and not stream.target_cases
    if not (plain and whole):
        return False
    names = (*stream.sources, stream.target)
    if any(name not in source.case.modalities or source.case.n_channels(name) != 1
           for source in stream.cases for name in names):  # fmt: skip
        return False
    return _size(stream) <= free_bytes(device) // _SHARE


def free_bytes(device: torch.device) -> int:
    """Return the memory that is free on an accelerator; 0 where volumes gain nothing by lying there, as on the CPU."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 0


def _unmirrored(augment: Augment) -> Augment:
    return augment.model_copy(update={"flip_lr": False})


def _size(stream: Stream) -> int:
    """Return the bytes of the volumes and regions of all cases, as they lie on the device."""
    total = 0
    for source in stream.cases:
        arrays = open_case(stream, source.case)
        voxels = [*arrays.sources, arrays.target, None if is_whole(arrays.region) else arrays.region]
        total += sum(
            2 * array.nbytes if array.dtype == np.uint16 else array.nbytes
            for array in voxels
            if array is not None
        )
    return total


def _mapped(values: Tensor, intensity: IntensityMap) -> Tensor:
    """Map real values as `IntensityMap.apply` does."""
    work = values.float()
    if intensity.low is not None or intensity.high is not None:
        work = work.clamp(intensity.low, intensity.high)
    anchor = -intensity.offset / intensity.scale if intensity.low is None else intensity.low
    work = (work - anchor) * intensity.scale + (intensity.offset + anchor * intensity.scale)
    if intensity.low is not None and intensity.high is not None:
        work = work.clamp(*ENDS[intensity.range])
    return work
