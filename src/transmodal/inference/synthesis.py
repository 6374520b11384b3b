"""Windows through an engine and back: one volume of a preprocessed case, over one or several passes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.store import PreparedCase
from transmodal.data.loader import seed_of
from transmodal.inference.batching.batches import BatchSize, infer_in_batches
from transmodal.inference.engines._base import Engine
from transmodal.inference.fuse import fuse, plane_disagreement
from transmodal.inference.preprocessing import Preprocessed, Preprocessing, preprocess_case
from transmodal.progress import CountProgress
from transmodal.storage.process_memory import allocator
from transmodal.volumes import Volume
from transmodal.volumes.bounds import Clipped
from transmodal.volumes.geometry.reorient import footprint, resample
from transmodal.volumes.windows.cut import Cutting, Stitcher, Window, cut, list_windows
from transmodal.volumes.windows.plane_channels import plane_channels
from transmodal.volumes.windows.stitcher import overlap

Voxel = TypeVar("Voxel", bound=np.generic)


class Synthetic(NamedTuple):
    """A synthetic volume in real units, and how it came about.

    Attributes:
        volume: on the source's canonical grid.
        disagreement: where the passes disagree; None for one pass.
        clipped: values that were beyond the bounds.
        batch: windows that were translated at a time: fewer than was wanted where memory did not suffice for more.
    """

    volume: Volume
    disagreement: Volume | None
    clipped: Clipped = Clipped()
    batch: int = 0


def synthesise_case(
    engine: Engine, preprocessing: Preprocessing, case: PreparedCase, *, without: Collection[str] = ()
) -> Synthetic:
    """Translate a prepared case onto its canonical native grid, in real units; `without` some sources."""
    return synthesise(engine, preprocessing, preprocess_case(preprocessing, case, without=without))


def synthesise(
    engine: Engine,
    preprocessing: Preprocessing,
    preprocessed: Preprocessed,
    advance: CountProgress | None = None,
    *,
    batch: int | None = None,
) -> Synthetic:
    """Run the passes over the working grid, fuse them, bring the result to the source's grid and into its range.

    The range is the preprocessing's `bounds`; the disagreement is of values that are not clipped to it.

    Args:
        engine: that runs the network.
        preprocessing: the recipe's.
        preprocessed: the sources on the working grid.
        advance: called with the number of windows that are complete, and of all windows.
        batch: windows per forward pass, where memory does not suffice for the recipe's.
    """
    limit = BatchSize(preprocessing.batch, batch)
    allocator.reuse_freed_memory()
    try:
        passes = list(_Passes(engine, preprocessing, preprocessed, limit).run(advance))
    finally:
        allocator.give_back()  # estimates of memory count on what the system has
    grid, target_map = preprocessed.grid, preprocessing.target_map
    values = Volume(target_map.invert(fuse(passes, preprocessing.fuse)), grid.affine)
    native = _to_native_grid(values, preprocessed, preprocessing.fill)
    voxels, clipped = preprocessing.bounds.clip(native.voxels)
    volume = native.with_voxels(voxels)
    if len(passes) == 1:
        return Synthetic(volume, None, clipped, limit.size)
    spread = plane_disagreement([target_map.invert(values) for values in passes])
    disagreement = _to_native_grid(Volume(spread, grid.affine), preprocessed, 0.0)
    return Synthetic(volume, disagreement, clipped, limit.size)


class _Pass(NamedTuple):
    """One way over the working grid.

    Attributes:
        cutting: of its windows.
        windows: that are translated, in order.
        blank: windows that nothing in the region is made of, which are not.
        draw: number of the draw of noise, from 0.
        flip: axis along which the volume is mirrored before and after; None leaves it as it is.
    """

    cutting: Cutting
    windows: Sequence[Window]
    blank: Sequence[Window]
    draw: int
    flip: int | None


@dataclass(frozen=True, slots=True)
class _Passes:
    """All passes over one case."""

    engine: Engine
    preprocessing: Preprocessing
    preprocessed: Preprocessed
    limit: BatchSize

    def run(self, advance: CountProgress | None) -> Iterator[NDArray[np.float32]]:
        """Yield the volume of each pass on the working grid, in the range of the network's output."""
        passes = self._plan()
        total, n_complete = sum(len(one_pass.windows) for one_pass in passes), 0
        for one_pass in passes:
            stitcher: Stitcher | None = None
            infer = partial(self._translate, one_pass)
            for batch, synthetic in infer_in_batches(one_pass.windows, infer, self.limit):
                if stitcher is None:
                    channels = synthetic.shape[1]
                    stitcher = Stitcher(self.preprocessed.grid.shape, one_pass.cutting, channels)
                for window, values in zip(batch, synthetic, strict=True):
                    stitcher.add(window, values)
                n_complete += len(batch)
                if advance is not None:
                    advance(n_complete, total)
            assert stitcher is not None, "a grid without voxels is no volume"
            for window in one_pass.blank:  # nothing of them is left: the volume is `fill` outside the region
                stitcher.add(window, np.zeros_like(values))
            yield _mirror(stitcher.result(), one_pass.flip)

    def _plan(self) -> list[_Pass]:
        shape, cutting = self.preprocessed.grid.shape, self.preprocessing.cutting
        axes: tuple[int | None, ...] = (None,) if cutting.kind == "patch" else self.preprocessing.axes
        cuttings = [(axis, cutting.covering(shape, axis)) for axis in axes]
        listed = [(covering, list_windows(shape, covering, axis)) for axis, covering in cuttings]
        relevant_voxels = self._relevant_voxels()
        return [
            _Pass(covering, *_split(windows, covering, _mirror(relevant_voxels, flip)), draw, flip)
            for draw, flip, (covering, windows) in product(
                range(self.preprocessing.draws), (None, *self.preprocessing.flips), listed
            )
        ]

    def _relevant_voxels(self) -> NDArray[np.bool_]:
        """Return the voxels of the working grid that the volume depends on: outside the region it is `fill`."""
        region = self.preprocessed.region
        if not region.any():
            return np.ones(self.preprocessed.grid.shape, np.bool_)
        return footprint(self.preprocessed.canonical.with_voxels(region), self.preprocessed.grid)

    def _translate(self, one_pass: _Pass, windows: Sequence[Window]) -> NDArray[np.float32]:
        """Return `(B, T, *S)` for windows of a pass."""
        source = np.stack([self._source(window, one_pass) for window in windows])
        present = [float(name in self.preprocessed.working) for name in self.preprocessing.sources]
        available = np.tile(np.array(present, np.float32), (len(windows), 1))
        # Noise depends on the place of the window, the draw and the flip, so the same image gives the same result.
        number: tuple[int | str, ...] = ("draw", one_pass.draw) if one_pass.draw else ()
        number += () if one_pass.flip is None else ("flip", one_pass.flip)
        seeds = [seed_of("translate", window.axis, *window.start, *number) for window in windows]
        return self.engine.infer(source, available, np.array(seeds, np.int64))

    def _source(self, window: Window, one_pass: _Pass) -> NDArray[np.float32]:
        """Cut every source there is, and say the plane; one that is missing is 0, which `available` tells from a value of 0."""
        working, cutting = self.preprocessed.working, one_pass.cutting
        windows = {
            name: cut(_mirror(volume.voxels, one_pass.flip), window, cutting, fill=-1.0)
            for name, volume in working.items()
        }
        sides = next(iter(windows.values())).shape[1:]
        missing = {
            name: np.zeros((self.preprocessing.channels_of(name) * cutting.depth, *sides), np.float32)
            for name in self.preprocessing.sources
            if name not in windows
        }
        parts = [{**windows, **missing}[name] for name in self.preprocessing.sources]
        if self.preprocessing.plane_channels:
            parts.append(plane_channels(window.axis, sides))
        return np.concatenate(parts)


def _mirror(voxels: NDArray[Voxel], flip: int | None) -> NDArray[Voxel]:
    """Return a volume mirrored along an axis, as a view; itself without one."""
    return voxels if flip is None else np.flip(voxels, flip)


def _split(
    windows: Sequence[Window], cutting: Cutting, relevant_voxels: NDArray[np.bool_]
) -> tuple[list[Window], list[Window]]:
    """Return the windows that hold a voxel of those that are needed, and the others."""
    holds = {window: _holds_any(relevant_voxels, window, cutting) for window in windows}
    return [window for window in windows if holds[window]], [
        window for window in windows if not holds[window]
    ]


def _holds_any(region: NDArray[np.bool_], window: Window, cutting: Cutting) -> bool:
    """Tell whether a window covers a voxel of the region; slices cover their whole plane."""
    if window.axis >= 0:
        return bool(np.take(region, window.start[window.axis], axis=window.axis).any())
    within, _ = overlap(window.start, cutting.size or (), region.shape)
    return bool(region[within].any())


def _to_native_grid(values: Volume, preprocessed: Preprocessed, fill: float) -> Volume:
    """Bring values from the working grid to the canonical native grid; `fill` outside the region."""
    native = resample(values, preprocessed.canonical.grid, fill=fill)
    # At the edge of the field of view resampling goes on beyond the outermost centres: by no more than they hold.
    native = native.with_voxels(np.clip(native.voxels, values.voxels.min(), values.voxels.max()))
    region = preprocessed.region
    inside = region if native.voxels.ndim == 3 else region[..., None]
    return native.with_voxels(np.where(inside, native.voxels, np.float32(fill)))
