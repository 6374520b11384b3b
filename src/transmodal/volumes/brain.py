"""Brain masks of head and brain volumes by the embedded template; the same bits on every run.

A volume whose background is one constant and whose foreground is shaped like a brain has been stripped
already: its foreground is the mask. In a head the template is laid over the brain (affine by mutual
information, looking only at the brain and the dark ring around it, then demons), and what is dark like
that ring or hangs on by a thread is cut away from the template's brain.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the field's name for it)
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.errors import InputError
from transmodal.volumes import geometry, itk, registration, template
from transmodal.volumes.volume import Volume

Mask = NDArray[np.bool_]
Floats = NDArray[np.floating[Any]]

BRAIN_CM3 = (300.0, 2500.0)
"""What a human brain, with the fluid in and around it, may measure."""

_SHAPE_MM, _ALIGN_MM, _WORK_MM = 4.0, 2.0, 3.0
_RING_MM = 6.0  # how far beyond the brain the search looks: cerebrospinal fluid and skull, not yet scalp
_STRIPPED_DICE = 0.92  # heads stay below: 0.64 to 0.93 by volume and shape, stripped brains reach 0.96
_GOOD, _LEAST = 0.6, 0.2  # mutual information in nats: right poses reach 0.8 to 1.5, wrong ones 0.25 to 0.35


class Found(NamedTuple):
    """A brain mask `(I, J, K)` and how it was found."""

    mask: Mask
    method: str


def brain(volume: Volume) -> Found:
    """Return the brain of a grey head or brain volume.

    Args:
        volume: T1-like, other MR contrasts where the skull is dark; any orientation and spacing.

    Raises:
        InputError: E124 when no brain is found, E122 for colour, E112 for a sheared affine.
    """
    itk.to_image(volume)  # says what is wrong with colour and shear
    work = registration.coarse(volume, _WORK_MM)
    if work.voxels.min() == work.voxels.max():
        raise _nothing("one constant value")
    return _stripped(volume) or _in_head(volume, work)


def largest_component(mask: NDArray[Any]) -> Mask:
    """Return the largest of the face-connected parts of a mask; the first one of equals."""
    labels, n = ndimage.label(mask)
    if n == 0:
        return np.zeros(mask.shape, dtype=bool)
    return np.asarray(labels == np.bincount(labels.ravel())[1:].argmax() + 1)


def fill_holes(mask: NDArray[Any]) -> Mask:
    """Return a mask without the holes that it encloses in three dimensions."""
    return np.asarray(ndimage.binary_fill_holes(mask))


def _nothing(got: str) -> InputError:
    return InputError(
        "E124",
        f"no brain found: {got}",
        "the MR volume of a head or of a brain without skull",
        "Check the file, or ask for the region body or whole.",
    )


def _stripped(volume: Volume) -> Found | None:
    """Return the filled foreground if it has a constant background and the shape of a brain."""
    background = _constant_border(volume.voxels)
    if background is None:
        return None
    height = np.abs(volume.voxels.astype(np.float32) - background)
    rise = 0.02 * float(np.percentile(height[height > 0], 90))
    mask = fill_holes(largest_component(height > rise))
    cm3 = _cm3(mask, volume)
    if not BRAIN_CM3[0] <= cm3 <= BRAIN_CM3[1]:
        return None
    dice = _likeness(volume.with_voxels(mask.astype(np.float32)))
    if dice < _STRIPPED_DICE:
        return None
    return Found(mask, f"stripped: filled foreground of {cm3:.0f} cm3, Dice {dice:.2f} with the template")


def _constant_border(voxels: NDArray[Any]) -> float | None:
    """Return the value that makes up most of the six faces, if one does and others occur inside."""
    faces = [voxels.take(end, axis=axis).ravel() for axis in range(3) for end in (0, -1)]
    values, counts = np.unique(np.concatenate(faces), return_counts=True)
    return float(values[counts.argmax()]) if counts.max() >= 0.8 * counts.sum() else None


def _cm3(mask: Mask, volume: Volume) -> float:
    return float(mask.sum() * abs(np.linalg.det(volume.affine[:3, :3])) / 1000)


def _likeness(foreground: Volume) -> float:
    """Return the Dice overlap of a foreground with the template's brain laid over it affinely."""
    own = registration.coarse(foreground, _SHAPE_MM)
    found = registration.register(own, _template().mask, kind="affine", spacing_mm=_SHAPE_MM)
    laid, own_mask = found.warp(_template().mask).voxels > 0.5, own.voxels > 0.5
    return float(2 * (laid & own_mask).sum() / max(int(laid.sum() + own_mask.sum()), 1))


class _Template(NamedTuple):
    """T1 and brain on a coarse grid, and what of it a search looks at."""

    t1: Volume
    mask: Volume
    ring: Mask


@cache
def _template() -> _Template:
    t1, mask = (registration.coarse(v, _SHAPE_MM) for v in (template.t1(), template.mask()))
    away = ndimage.distance_transform_edt(mask.voxels < 0.5, sampling=mask.spacing)
    return _Template(t1, mask, np.asarray(away <= _RING_MM))


def _in_head(volume: Volume, work: Volume) -> Found:
    linear, information = _aligned(work)
    box = _around(_laid(work, linear))
    near = geometry.crop(work, box)
    soft, kept = _deformed(near, linear)
    mask = geometry.resample(near.with_voxels(np.minimum(soft, kept)), volume.grid).voxels > 0.5
    mask = fill_holes(largest_component(mask))
    cm3 = _cm3(mask, volume)
    if not BRAIN_CM3[0] <= cm3 <= BRAIN_CM3[1]:
        raise _nothing(f"the best guess has {cm3:.0f} cm3")
    return Found(
        mask, f"head: template, mutual information {information:.2f}, demons, trimmed, {cm3:.0f} cm3"
    )


def _aligned(work: Volume) -> tuple[sitk.Transform, float]:
    """Return the affine map from `work` to the template in LPS+ mm, and how well it fits."""
    found = _registered(work, ())
    if found.quality.after < _GOOD:
        again = _registered(work, _poses(work))
        found = max(found, again, key=lambda registered: registered.quality.after)
    if found.quality.after < _LEAST:
        raise _nothing(f"the template fits with {found.quality.after:.2f} nats of mutual information")
    return found.transform.GetInverse(), found.quality.after


def _registered(work: Volume, starts: Sequence[sitk.AffineTransform]) -> registration.Registration:
    return registration.register(
        _template().t1,
        work,
        kind="affine",
        metric="mutual_information",
        fixed_mask=_template().ring,
        spacing_mm=_ALIGN_MM,
        starts=starts,
    )


def _poses(work: Volume) -> list[sitk.AffineTransform]:
    """Return further starts: the head nodding and turning, the brain small and large."""
    pivot = registration.centre_of_mass(_template().t1)
    shift = (itk.LPS @ (_upper_centre(work) - pivot)).tolist()
    starts = []
    for nod, turn, scale in product((-0.5, 0.0, 0.5), (-0.35, 0.0, 0.35), (0.85, 1.05)):
        pose = sitk.Euler3DTransform([0.0, 0.0, 0.0], nod, 0.0, turn)
        matrix = (scale * np.reshape(pose.GetMatrix(), (3, 3))).ravel().tolist()
        starts.append(sitk.AffineTransform(matrix, shift, (itk.LPS @ pivot).tolist()))
    return starts


def _upper_centre(work: Volume, depth_mm: float = 150.0) -> NDArray[np.float64]:
    """Return the centre of mass of the head's upper part: the neck would pull it down."""
    bright = work.voxels > work.voxels.mean()
    rows = np.flatnonzero(bright.mean(axis=(0, 1)) > 0.02)
    stop = int(rows[-1]) + 1 if rows.size else work.voxels.shape[2]
    start = max(0, stop - round(depth_mm / work.spacing[2]))
    every = slice(0, work.voxels.shape[0]), slice(0, work.voxels.shape[1])
    return registration.centre_of_mass(geometry.crop(work, (*every, slice(start, stop))))


def _laid(work: Volume, to_template: sitk.Transform) -> Volume:
    return itk.warp(_template().mask, work.grid, to_template)


def _around(mask: Volume, margin_mm: float = 20.0) -> tuple[slice, slice, slice]:
    """Return the box of a mask with a margin; E124 when the template came to lie outside."""
    if not (mask.voxels > 0.5).any():
        raise _nothing("the template lies outside the volume")
    box = geometry.bounding_box(mask.voxels > 0.5)
    margins = [round(margin_mm / spacing) for spacing in mask.spacing]
    i, j, k = (
        slice(max(0, side.start - margin), min(n, side.stop + margin))
        for side, margin, n in zip(box, margins, mask.voxels.shape, strict=True)
    )
    return i, j, k


def _deformed(near: Volume, linear: sitk.Transform) -> tuple[Floats, Floats]:
    """Return the template's brain after demons, `[0, 1]` over its edge, and what the intensities keep of it."""
    laid = _laid(near, linear)
    depth = _depth(laid.voxels > 0.5, near.spacing)
    t1 = itk.warp(_template().t1, near.grid, linear).voxels
    levels = _Levels.of(near.voxels, depth)
    inside = depth > 0
    painted = np.where(inside, _painted(t1, near.voxels, inside), levels.ring)
    fade = np.clip((14 + depth) / 6, 0, 1)
    clipped = np.clip(near.voxels, min(levels.ring, levels.low), max(levels.ring, levels.high))
    fixed = near.with_voxels(levels.unit(clipped) * fade)
    moving = near.with_voxels(levels.unit(painted))
    field = registration.demons(fixed, moving, smoothing=1.5, iterations=40)
    whole = sitk.CompositeTransform(
        [linear, sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64))]
    )
    soft = _laid(near, whole).voxels
    return soft, _kept(near, soft > 0.5, levels)


def _depth(mask: Mask, spacing: tuple[float, float, float]) -> Floats:
    """Return the distance to a mask's edge in mm, above 0 inside, below 0 outside."""
    inside: Floats = ndimage.distance_transform_edt(mask, sampling=spacing)
    outside: Floats = ndimage.distance_transform_edt(~mask, sampling=spacing)
    return (inside - outside).astype(np.float32)


class _Levels(NamedTuple):
    """Intensities: the dark ring around the brain, and the brain's low, middle and high ones."""

    ring: float
    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, voxels: Floats, depth: Floats) -> _Levels:
        deep = voxels[depth > 4]
        around = voxels[(depth < -3) & (depth > -10)]
        low, middle, high = np.percentile(deep, (2, 50, 98))
        return cls(float(np.percentile(around, 25)), float(low), float(middle), float(high))

    def unit(self, values: Floats) -> Floats:
        """Map the ring to 0 and the brain's far end to 1."""
        far = self.high if self.high - self.ring >= self.ring - self.low else self.low
        scaled: Floats = ((values - self.ring) / max(abs(far - self.ring), 1e-6)).astype(np.float32)
        return scaled


def _painted(t1: Floats, voxels: Floats, inside: Mask, n: int = 16) -> Floats:
    """Give the template the volume's intensities: per level of its T1, the volume's median there."""
    edges = np.quantile(t1[inside], np.linspace(0, 1, n + 1))
    number = np.clip(np.searchsorted(edges, t1, side="right") - 1, 0, n - 1)
    labels = np.where(inside, number + 1, 0)
    medians = np.asarray(ndimage.median(voxels, labels, np.arange(1, n + 1)))
    known = np.isfinite(medians)
    painted: Floats = np.interp(t1, ((edges[1:] + edges[:-1]) / 2)[known], medians[known])
    return painted


def _kept(near: Volume, mask: Mask, levels: _Levels) -> Floats:
    """Return what stays of the template's brain, `[0, 1]` over its edge: tissue, what it encloses or joins.

    Only where the brain's tissue is well above the ring; else there is nothing to judge by.
    """
    threshold = (levels.ring + levels.middle) / 2
    if levels.middle <= levels.ring:
        return np.ones(mask.shape, np.float32)
    ball = ndimage.generate_binary_structure(3, 1)
    tissue = largest_component(ndimage.binary_opening(mask & (near.voxels > threshold), ball))
    padded = np.pad(tissue, 4)
    closed = ndimage.binary_closing(padded, ball, iterations=3)[4:-4, 4:-4, 4:-4]
    kept: Floats = ndimage.gaussian_filter((fill_holes(closed) | ~mask).astype(np.float32), 0.5)
    return kept
