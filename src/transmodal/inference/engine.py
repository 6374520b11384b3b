"""Windows through a translator and back: one volume, one or several passes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from transmodal.cohorts.store import PreparedCase
from transmodal.data.loader import seed_of
from transmodal.inference.fuse import fuse, plane_disagreement
from transmodal.inference.preprocessing import Preprocessed, Preprocessing, preprocess_case
from transmodal.progress import CountProgress
from transmodal.translators._base import Translator
from transmodal.volumes import Volume
from transmodal.volumes.bounds import Clipped
from transmodal.volumes.geometry.reorient import resample
from transmodal.volumes.windows.cut import Cutting, Stitcher, Window, cut, places


class Synthetic(NamedTuple):
    """A synthetic volume in real units, where the passes disagree (None for one pass), and what was clipped."""

    volume: Volume
    disagreement: Volume | None
    clipped: Clipped = Clipped()


def synthesise_case(
    translator: Translator,  # type: ignore[type-arg]  # any paper's outputs
    preprocessing: Preprocessing,
    case: PreparedCase,
    device: torch.device,
    *,
    without: Collection[str] = (),
) -> Volume:
    """Translate a prepared case onto its canonical native grid, in real units; `without` some sources."""
    return synthesise_prepared(translator, preprocessing, case, device, without=without).volume


def synthesise_prepared(
    translator: Translator,  # type: ignore[type-arg]  # any paper's outputs
    preprocessing: Preprocessing,
    case: PreparedCase,
    device: torch.device,
    *,
    without: Collection[str] = (),
) -> Synthetic:
    """Do the same, and say where the passes disagree."""
    return synthesise(
        translator, preprocessing, preprocess_case(preprocessing, case, without=without), device
    )


def synthesise(
    translator: Translator,  # type: ignore[type-arg]  # any paper's outputs
    preprocessing: Preprocessing,
    preprocessed: Preprocessed,
    device: torch.device,
    advance: CountProgress | None = None,
) -> Synthetic:
    """Run the passes over the working grid, fuse them, bring the result to the source's grid and into its range.

    The range is the preprocessing's `bounds`; the disagreement is of values that are not clipped to it.

    Args:
        translator: the network; put into evaluation mode and back.
        preprocessing: the recipe's.
        preprocessed: the sources as the preprocessing leaves them.
        device: where the network runs.
        advance: told how many windows are done, of how many.
    """
    was_training = translator.training
    translator.eval()
    try:
        passes = list(_passes(translator, preprocessing, preprocessed, device, advance or _silent))
    finally:
        translator.train(was_training)
    grid = preprocessed.grid
    values = Volume(preprocessing.target_map.invert(fuse(passes, preprocessing.fuse)), grid.affine)
    home = _home(values, preprocessed, preprocessing.fill)
    voxels, clipped = preprocessing.bounds.clip(home.voxels)
    volume = home.with_voxels(voxels)
    if len(passes) == 1:
        return Synthetic(volume, None, clipped)
    real = [preprocessing.target_map.invert(one) for one in passes]
    spread = Volume(plane_disagreement(real), grid.affine)
    return Synthetic(volume, _home(spread, preprocessed, 0.0), clipped)


def _passes(
    translator: Translator,  # type: ignore[type-arg]  # any paper's outputs
    preprocessing: Preprocessing,
    preprocessed: Preprocessed,
    device: torch.device,
    advance: CountProgress,
) -> Iterator[NDArray[np.float32]]:
    shape = preprocessed.grid.shape
    axes: tuple[int | None, ...] = (None,) if preprocessing.cutting.kind == "patch" else preprocessing.axes
    plans = []
    for axis in axes:
        cutting = preprocessing.cutting.covering(shape, axis)
        plans.append((cutting, places(shape, cutting, axis)))
    total, done = sum(len(windows) for _, windows in plans) * preprocessing.draws, 0
    for draw, (cutting, windows) in product(range(preprocessing.draws), plans):
        stitcher = Stitcher(shape, cutting.centre(), channels=translator.config.target_channels)
        for start in range(0, len(windows), preprocessing.batch):
            some = windows[start : start + preprocessing.batch]
            for window, values in zip(
                some,
                _forward(translator, preprocessing, preprocessed, (cutting, some, draw), device),
                strict=True,
            ):
                stitcher.add(window, values)
            done += len(some)
            advance(done, total)
        yield stitcher.result()


def _forward(
    translator: Translator,  # type: ignore[type-arg]  # any paper's outputs
    preprocessing: Preprocessing,
    preprocessed: Preprocessed,
    windows: tuple[Cutting, list[Window], int],
    device: torch.device,
) -> NDArray[np.float32]:
    cutting, some, draw = windows
    source = torch.from_numpy(
        np.stack([_source(translator, preprocessing, preprocessed, cutting, one) for one in some])
    )
    there = torch.tensor([float(name in preprocessed.working) for name in preprocessing.sources])
    available = there.repeat(len(some), 1).to(device)
    # Noise depends on the place of the window and the number of the draw, so the same image gives the same result.
    more = ("draw", draw) if draw else ()
    seeds = torch.tensor([seed_of("translate", one.axis, *one.start, *more) for one in some])
    with torch.inference_mode():
        tensor = source.to(device)
        translator.check(tensor, available)
        synthetic = translator(tensor, available, noise=seeds if translator.draws else None)
    output: NDArray[np.float32] = synthetic.float().cpu().numpy()
    return output


def _source(
    translator: Translator,  # type: ignore[type-arg]  # any paper's outputs
    preprocessing: Preprocessing,
    preprocessed: Preprocessed,
    cutting: Cutting,
    window: Window,
) -> NDArray[np.float32]:
    """Cut every source there is; one that is missing is 0, which `available` tells from a value of 0."""
    parts = [
        cut(preprocessed.working[name].voxels, window, cutting, fill=-1.0)
        if name in preprocessed.working
        else None
        for name in preprocessing.sources
    ]
    sides = next(part for part in parts if part is not None).shape[1:]
    channels = translator.config.source_channels
    return np.concatenate(
        [
            np.zeros((n * cutting.depth, *sides), np.float32) if part is None else part
            for part, n in zip(parts, channels, strict=True)
        ]
    )


def _home(values: Volume, preprocessed: Preprocessed, fill: float) -> Volume:
    """Bring values from the working grid to the canonical native grid; `fill` outside the region."""
    native = resample(values, preprocessed.canonical.grid, fill=fill)
    # At the edge of the field of view resampling goes on beyond the outermost centres: by no more than they hold.
    native = native.with_voxels(np.clip(native.voxels, values.voxels.min(), values.voxels.max()))
    inside = preprocessed.region if native.voxels.ndim == 3 else preprocessed.region[..., None]
    return native.with_voxels(np.where(inside, native.voxels, np.float32(fill)))


def _silent(done: int, total: int) -> None:
    """Tell nobody."""
