"""Brain masks of head and brain volumes by the embedded template; the same bits on every run.

A volume whose background is one constant and whose foreground is shaped like a brain has been stripped
already: its foreground is the mask. In a head the template is laid over the brain (affine by mutual
information, looking only at the brain and the dark ring around it, then demons), and what is dark like
that ring or hangs on by a thread is cut away from the template's brain.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the field's name for it)
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.volumes.geometry import itk, registration, reorient
from transmodal.volumes.geometry.additive_demons import additive_demons, least_jacobian, to_field
from transmodal.volumes.geometry.demons import demons
from transmodal.volumes.geometry.working_pair import coarsen
from transmodal.volumes.regions.components import fill_holes, largest_component
from transmodal.volumes.regions.recent_masks import RecentMasks, content_key
from transmodal.volumes.regions.template_alignment import (
    SHAPE_MM,
    Alignment,
    align_template,
    coarse_template,
    no_brain_error,
)
from transmodal.volumes.volume import Volume

Mask = NDArray[np.bool_]
Floats = NDArray[np.floating[Any]]

BRAIN_CM3 = (300.0, 2500.0)
"""Least and greatest volume of a human brain, with the fluid in and around it."""

_WORK_MM = 3.0
_STRIPPED_DICE = 0.92  # heads stay below: 0.64 to 0.93 by volume and shape, stripped brains reach 0.96
_SMOOTHING, _ITERATIONS = 1.5, 40  # of the demons, the first in voxels
_FADED_MM = 14.0  # from the template's edge to where the head is faded out
_BAND_MM = 16.0  # inwards from the edge to where the additive demons look: what is deeper moves no edge
_FEWEST_PLANES = 8
_EDGE = 0.4  # of the soft mask; at a half the bright rim of cerebrospinal fluid in T2 would be missed


class BrainMask(NamedTuple):
    """A brain mask `(I, J, K)` and how it was found."""

    mask: Mask
    method: str


RECENT = RecentMasks(8 << 20)
"""About eight brains of heads at 1 mm: one is asked for again by another kind of region, or by another run."""


def find_brain(volume: Volume) -> BrainMask:
    """Return the brain of a grey head or brain volume; at once where it was asked for a moment ago.

    Args:
        volume: T1-like, other MR contrasts where the skull is dark; any orientation and spacing.

    Raises:
        InputError: E124 when no brain is found, E122 for colour, E112 for a sheared affine.
    """
    itk.to_image(Volume(volume.voxels[:1, :1, :1], volume.affine))  # says what is wrong with colour and shear
    key = content_key(volume)
    recent = RECENT.get(key)
    if recent is not None:
        return BrainMask(*recent)
    work = coarsen(volume, _WORK_MM)
    if work.voxels.min() == work.voxels.max():
        raise no_brain_error("one constant value")
    brain = _mask_stripped(volume) or _mask_in_head(volume, work)
    RECENT.remember(key, *brain)
    return brain


def _mask_stripped(volume: Volume) -> BrainMask | None:
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
    dice = _template_dice(volume.with_voxels(mask.astype(np.float32)))
    if dice < _STRIPPED_DICE:
        return None
    return BrainMask(mask, f"stripped: filled foreground of {cm3:.0f} cm3, Dice {dice:.2f} with the template")


def _constant_border(voxels: NDArray[Any]) -> float | None:
    """Return the value that makes up most of the six faces, if one does and others occur inside."""
    faces = [voxels.take(end, axis=axis).ravel() for axis in range(3) for end in (0, -1)]
    values, counts = np.unique(np.concatenate(faces), return_counts=True)
    return float(values[counts.argmax()]) if counts.max() >= 0.8 * counts.sum() else None


def _cm3(mask: Mask, volume: Volume) -> float:
    return float(mask.sum() * abs(np.linalg.det(volume.affine[:3, :3])) / 1000)


def _template_dice(foreground: Volume) -> float:
    """Return the Dice overlap of a foreground with the template's brain laid over it affinely."""
    own = coarsen(foreground, SHAPE_MM)
    registered = registration.register(own, coarse_template().mask, kind="affine", spacing_mm=SHAPE_MM)
    template_mask, own_mask = registered.warp(coarse_template().mask).voxels > 0.5, own.voxels > 0.5
    return float(2 * (template_mask & own_mask).sum() / max(int(template_mask.sum() + own_mask.sum()), 1))


def _mask_in_head(volume: Volume, work: Volume) -> BrainMask:
    alignment = align_template(work)
    near = reorient.crop(work, _box_around(_warp_template_mask(work, alignment.transform)))
    soft, trimmed, how = _deform_template(near, alignment)
    mask = reorient.resample(near.with_voxels(np.minimum(soft, trimmed)), volume.grid).voxels > _EDGE
    mask = fill_holes(largest_component(mask))
    cm3 = _cm3(mask, volume)
    if not BRAIN_CM3[0] <= cm3 <= BRAIN_CM3[1]:
        raise no_brain_error(f"the best guess has {cm3:.0f} cm3")
    return BrainMask(
        mask, f"head: template, mutual information {alignment.information:.2f}, {how}, trimmed, {cm3:.0f} cm3"
    )


def _warp_template_mask(work: Volume, to_template: sitk.Transform) -> Volume:
    return itk.warp(coarse_template().mask, work.grid, to_template)


def _box_around(mask: Volume, margin_mm: float = 20.0) -> tuple[slice, slice, slice]:
    """Return the box of a mask with a margin; E124 when the template came to lie outside."""
    if not (mask.voxels > 0.5).any():
        raise no_brain_error("the template lies outside the volume")
    box = reorient.bounding_box(mask.voxels > 0.5)
    margins = [round(margin_mm / spacing) for spacing in mask.spacing]
    i, j, k = (
        slice(max(0, side.start - margin), min(n, side.stop + margin))
        for side, margin, n in zip(box, margins, mask.voxels.shape, strict=True)
    )
    return i, j, k


def _deform_template(near: Volume, alignment: Alignment) -> tuple[Floats, Floats, str]:
    """Return the template's brain after demons, `[0, 1]` over its edge, the part of it that the intensities confirm, and which demons."""
    linear = alignment.transform
    warped = _warp_template_mask(near, linear)
    depth = _depth(warped.voxels > 0.5, near.spacing)
    t1 = itk.warp(coarse_template().t1, near.grid, linear).voxels
    levels = _Levels.of(near.voxels, depth)
    inside = depth > 0
    painted = np.where(inside, _paint_template(t1, near.voxels, inside), levels.ring)
    fade = np.clip((_FADED_MM + depth) / 6, 0, 1)
    clipped = np.clip(near.voxels, min(levels.ring, levels.low), max(levels.ring, levels.high))
    fixed = near.with_voxels(levels.unit(clipped) * fade)
    moving = near.with_voxels(levels.unit(painted))
    band = np.asarray((depth > -_FADED_MM) & (depth < _BAND_MM))
    field = _move_quickly(fixed, moving, band) if alignment.is_sure else None
    how = "demons" if field is None else "additive demons"
    if field is None:
        field = demons(fixed, moving, smoothing=_SMOOTHING, iterations=_ITERATIONS)
    whole = sitk.CompositeTransform(
        [linear, sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64))]
    )
    soft = _warp_template_mask(near, whole).voxels
    return soft, _trim(near, soft > 0.5, levels), how


def _move_quickly(fixed: Volume, moving: Volume, band: Mask) -> sitk.Image | None:
    """Return the field of the additive demons; None where it folds, or where so few planes say little."""
    box = reorient.bounding_box(band)
    fixed, moving = reorient.crop(fixed, box), reorient.crop(moving, box)
    if min(fixed.voxels.shape) < _FEWEST_PLANES:
        return None
    displacement = additive_demons(
        fixed, moving, smoothing=_SMOOTHING, iterations=_ITERATIONS, band=band[box]
    )
    if least_jacobian(displacement, fixed.spacing) <= 0:
        return None
    return to_field(displacement, fixed.grid)


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


def _paint_template(t1: Floats, voxels: Floats, inside: Mask, n: int = 16) -> Floats:
    """Give the template the volume's intensities: per level of its T1, the volume's median there."""
    edges = np.quantile(t1[inside], np.linspace(0, 1, n + 1))
    number = np.clip(np.searchsorted(edges, t1, side="right") - 1, 0, n - 1)
    labels = np.where(inside, number + 1, 0)
    medians = np.asarray(ndimage.median(voxels, labels, np.arange(1, n + 1)))
    has_values = np.isfinite(medians)
    painted: Floats = np.interp(t1, ((edges[1:] + edges[:-1]) / 2)[has_values], medians[has_values])
    return painted


def _trim(near: Volume, mask: Mask, levels: _Levels) -> Floats:
    """Return the confirmed part of the template's brain, `[0, 1]` over its edge: tissue, and voxels that it encloses or joins.

    Only where the brain's tissue is well above the ring; else there is nothing to judge by.
    """
    threshold = (levels.ring + levels.middle) / 2
    if levels.middle <= levels.ring:
        return np.ones(mask.shape, np.float32)
    ball = ndimage.generate_binary_structure(3, 1)
    tissue = largest_component(ndimage.binary_opening(mask & (near.voxels > threshold), ball))
    padded = np.pad(tissue, 4)
    closed = ndimage.binary_closing(padded, ball, iterations=3)[4:-4, 4:-4, 4:-4]
    trimmed: Floats = ndimage.gaussian_filter((fill_holes(closed) | ~mask).astype(np.float32), 0.5)
    return trimmed
