"""Augmentation: a window's arrays jittered, varied in contrast, mirrored, shifted, and sources left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.data.jitter import Jitter, draw_jitter
from transmodal.recipes.training_schema import Augment
from transmodal.volumes.windows.cut import Window

Sources = Sequence[NDArray[np.float32] | None]
"""Arrays of the source modalities, `(C, *S)` in [-1, 1]; None for a missing one."""


class Sample(NamedTuple):
    """One window's arrays, `(C, *S)` each.

    Attributes:
        sources: in the translator's order.
        target: in the translator's output range; None where it comes from another window.
        mask: bool; None where it is not needed.
        segmentation: labels; None where it is not needed.
    """

    sources: Sources
    target: NDArray[np.float32] | None
    mask: NDArray[Any] | None
    segmentation: NDArray[Any] | None


def augment_sample(sample: Sample, augment: Augment, window: Window, draw: np.random.Generator) -> Sample:
    """Return a varied sample; without augmentation nothing is drawn.

    Args:
        sample: as it was cut.
        augment: what is varied.
        window: where it lies in the volume.
        draw: of the sample's own seed.
    """
    jitter = draw_jitter(augment.jitter, draw)
    if jitter is not None:
        sample = _jitter_sample(sample, jitter)
    sources = [None if source is None else _vary_contrast(source, augment, draw) for source in sample.sources]
    sample = sample._replace(sources=sources)
    if augment.flip_lr and draw.random() < 0.5:
        sample = _flip_sample(sample, window)
    shifted = _shift_sources(sample.sources, augment.shift, draw)
    return sample._replace(sources=_drop_sources(shifted, augment.drop_sources, draw))


def augment_target(
    target: NDArray[np.float32], augment: Augment, window: Window, draw: np.random.Generator
) -> NDArray[np.float32]:
    """Return a target that comes from another window than the sources, jittered and mirrored by draws of its own."""
    jitter = draw_jitter(augment.jitter, draw)
    target = target if jitter is None else jitter.of(target)
    if augment.flip_lr and draw.random() < 0.5:
        return _flip(target, window)
    return target


def _jitter_sample(sample: Sample, jitter: Jitter) -> Sample:
    return Sample(
        sources=[None if source is None else jitter.of(source) for source in sample.sources],
        target=None if sample.target is None else jitter.of(sample.target),
        mask=None if sample.mask is None else jitter.of_labels(sample.mask),
        segmentation=None if sample.segmentation is None else jitter.of_labels(sample.segmentation),
    )


def _vary_contrast(
    source: NDArray[np.float32], augment: Augment, draw: np.random.Generator
) -> NDArray[np.float32]:
    """Vary contrast on the scale [0, 1]; the background, -1, stays where it is."""
    if augment.gain <= 0 and augment.gamma <= 0:
        return source
    unit = (source + 1) / 2
    gain = 1 + draw.uniform(-augment.gain, augment.gain)
    gamma = 1 + draw.uniform(-augment.gamma, augment.gamma)
    varied: NDArray[np.float32] = (np.clip(gain * unit, 0, 1) ** gamma * 2 - 1).astype(np.float32)
    return varied


def _flip_sample(sample: Sample, window: Window) -> Sample:
    return Sample(
        sources=[None if source is None else _flip(source, window) for source in sample.sources],
        target=None if sample.target is None else _flip(sample.target, window),
        mask=None if sample.mask is None else _flip(sample.mask, window),
        segmentation=None if sample.segmentation is None else _flip(sample.segmentation, window),
    )


def _flip(array: NDArray[Any], window: Window) -> NDArray[Any]:
    """Mirror left and right, volume axis 0: the window's first axis but the channels; sagittal slices stay."""
    return array if window.axis == 0 else np.flip(array, 1)


def _shift_sources(sources: Sources, most: int, draw: np.random.Generator) -> Sources:
    """Shift every source but the first by whole voxels; what comes in from outside is background, -1."""
    if most == 0:
        return sources
    shifted = [sources[0]]
    for source in sources[1:]:
        n_axes = 3 if source is None else source.ndim - 1
        voxels = draw.integers(-most, most + 1, size=n_axes)
        shifted.append(None if source is None else _shift(source, voxels))
    return shifted


def _shift(source: NDArray[np.float32], voxels: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    out = np.full_like(source, -1)
    slices = [
        (slice(max(0, -n), side - max(0, n)), slice(max(0, n), side - max(0, -n)))
        for n, side in zip(voxels.tolist(), source.shape[1:], strict=True)
    ]
    out[(slice(None), *(into for into, _ in slices))] = source[(slice(None), *(of for _, of in slices))]
    return out


def _drop_sources(sources: Sources, share: float, draw: np.random.Generator) -> Sources:
    """Leave sources out by chance, but never all of them."""
    if share <= 0:
        return sources
    present = [n for n, source in enumerate(sources) if source is not None]
    dropped = {n for n in present if draw.random() < share}
    if len(dropped) == len(present):
        dropped.discard(present[int(draw.integers(len(present)))])
    return [None if n in dropped else source for n, source in enumerate(sources)]
