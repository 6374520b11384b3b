"""Measures of artefacts: content where none may be, alternating pixels, steps between slices.

They say what a known fault looks like; they are no measures of quality by themselves. Compare a synthetic
image's with its reference's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import distance_transform_edt

from transmodal.errors import UsageError
from transmodal.metrics.checks import Array, Float, Mask, check_pair, check_plane, no_content
from transmodal.metrics.metric import Metric
from transmodal.metrics.pair import ImagePair
from transmodal.metrics.slices import SliceMean, over_slices

SMALLEST = 20  # pixels: one frequency of each sign lies near Nyquist then
NEAR_NYQUIST = 0.45  # cycles per pixel; Nyquist is at 0.5


class Lattice(NamedTuple):
    """Shares of an image's power near the Nyquist frequency, 0 to 1.

    Attributes:
        checkerboard: where both frequencies are near it: pixels that alternate like a chequered board.
        stripes: where one of the two is: rows or columns that alternate.
    """

    checkerboard: float
    stripes: float

    @property
    def share(self) -> float:
        """Both together."""
        return self.checkerboard + self.stripes


def outside_energy(image: Array, brain: Mask, *, background: float = 0) -> float:
    """Return the share of the energy that lies outside the brain. Unit 1, 0 to 1; lower is better.

    Energy is `(value - background)^2`. A skull-stripped target has 0 by construction.

    Args:
        image: the translator's image, `(I, J, K)` or `(I, J, K, 3)`.
        brain: bool `(I, J, K)`.
        background: the value of nothing: 0 for FA and MR, -1024 for HU.

    Raises:
        InputError: E130 for shapes that differ, E120 for values that are not finite, E124 for an empty mask,
            or an image that is background everywhere.
    """
    check_pair(image, image, brain)
    energy = _energy(image, brain, background)
    if energy.sum() == 0:
        raise no_content(
            "an image that is background everywhere",
            "an image with values",
            "Check the background's value, or what the translator made.",
        )
    return float(energy[~brain].sum() / energy.sum())


def ring_energy(
    image: Array,
    brain: Mask,
    *,
    spacing_mm: tuple[float, float, float],
    from_mm: float = 2,
    to_mm: float = 15,
    background: float = 0,
) -> float:
    """Return the mean energy of the ring where a skull would be, by the brain's.

    Unit 1, 0 or more; lower is better.

    The ring holds the voxels that lie between two distances from the brain: 2 to 15 mm hold skull and scalp
    of most heads, and leave out the brain's own partial volume.

    Args:
        image: the translator's image, `(I, J, K)` or `(I, J, K, 3)`.
        brain: bool `(I, J, K)`.
        spacing_mm: of the voxels.
        from_mm: where the ring begins, in mm from the nearest brain voxel.
        to_mm: where it ends, inclusive.
        background: as in `outside_energy`.

    Raises:
        InputError: E130, E120 and E124 as `outside_energy`; E124 as well for an image that holds no voxel of
            the ring, or whose brain is background.
        UsageError: E001 for a ring that does not end beyond where it begins, or a spacing that is not
            positive.
    """
    check_pair(image, image, brain)
    _check_spacing(spacing_mm)
    if not 0 <= from_mm < to_mm:
        raise UsageError(
            "E001", f"a ring from {from_mm} to {to_mm} mm", "0 <= from < to", "Give the ring's ends."
        )
    away = distance_transform_edt(~brain, sampling=spacing_mm)
    ring = (away > from_mm) & (away <= to_mm)
    energy = _energy(image, brain, background)
    within = float(energy[brain].mean())
    if within == 0 or not ring.any():
        raise no_content(
            "a brain that is background everywhere" if within == 0 else "an image that ends at the brain",
            f"values in the brain, and voxels {from_mm:g} to {to_mm:g} mm away from it",
            "Check the mask and the background's value.",
        )
    return float(energy[ring].mean()) / within


def lattice(image: Array) -> Lattice:
    """Return the shares of an image's power that alternate from pixel to pixel.

    Unit 1, 0 to 1; compare with the reference. Transposed convolutions leave it. The image's mean is taken
    away and a Hann window laid over it, so that borders do not leak. White noise has 0.01 in the checkerboard
    and 0.18 in the stripes. A constant image has 0.

    Args:
        image: grey, `(H, W)`, at least 20 by 20.

    Raises:
        InputError: E120 for values that are not finite, E121 for an array that is not an image, E124 for no
            pixels.
        UsageError: E004 for an image below 20 pixels along an axis.
    """
    check_plane(image, image, None, channels=1, side=SMALLEST)
    height, width = image.shape
    values = np.asarray(image, np.float64)
    window = np.outer(np.hanning(height), np.hanning(width))
    power = np.abs(np.fft.fft2((values - values.mean()) * window)) ** 2
    total = float(power.sum())
    if total == 0:
        return Lattice(0.0, 0.0)
    near = [np.abs(np.fft.fftfreq(n)) >= NEAR_NYQUIST for n in (height, width)]
    checkerboard, stripes = np.logical_and.outer(*near), np.logical_xor.outer(*near)
    return Lattice(float(power[checkerboard].sum()) / total, float(power[stripes].sum()) / total)


def lattice_excess(reference: Array, synthetic: Array) -> float:
    """Return the synthetic image's share of alternating power less its reference's.

    Unit 1, -1 to 1; 0 is best, and less than 0 is an image that is smoother than its reference.

    Args:
        reference: the target as measured, `(H, W)`.
        synthetic: the translator's image, of the same shape.

    Raises:
        InputError: as `lattice`; E130 for shapes that differ.
        UsageError: as `lattice`.
    """
    check_pair(reference, synthetic)
    return lattice(synthetic).share - lattice(reference).share


def gradient_error(
    reference: Array, synthetic: Array, *, axis: int, spacing_mm: float, mask: Mask | None = None
) -> float:
    """Return the mean absolute difference of the slopes along an axis.

    Unit of the values per mm; lower is better.

    Slopes are differences of neighbours: along the axis of the slices they show the steps that a translator
    of slices leaves between them, which a figure per slice cannot see.

    Args:
        reference: the target as measured, `(I, J, K)` or `(I, J, K, 3)`.
        synthetic: the translator's image, of the same shape.
        axis: 0 to 2.
        spacing_mm: along that axis.
        mask: bool `(I, J, K)`; both neighbours have to lie in it.

    Raises:
        InputError: E130 for shapes that differ, E120 for values that are not finite, E124 for a mask without
            neighbours.
        UsageError: E004 for a volume of one slice along the axis, E001 for a spacing that is not positive.
    """
    check_pair(reference, synthetic, mask)
    _check_spacing((spacing_mm,))
    if reference.shape[axis] < 2:
        raise UsageError(
            "E004",
            f"a volume of shape {reference.shape} along axis {axis}",
            "two slices or more",
            "Leave this metric out for single slices.",
        )
    difference = np.diff(np.subtract(synthetic, reference, dtype=np.float64), axis=axis)
    if mask is None:
        return float(np.abs(difference).mean()) / spacing_mm
    n = mask.shape[axis]
    pairs = mask.take(range(n - 1), axis) & mask.take(range(1, n), axis)
    if not pairs.any():
        raise no_content(
            f"a mask without neighbours along axis {axis}", "two voxels in a row", "Give another mask."
        )
    return float(np.abs(difference[pairs]).mean()) / spacing_mm


def _energy(image: Array, brain: Mask, background: float) -> Float:
    energy: Float = (np.asarray(image, np.float64) - background) ** 2
    return energy if image.ndim == brain.ndim else energy.sum(axis=-1)


def _check_spacing(spacing_mm: tuple[float, ...]) -> None:
    if not all(0 < spacing < np.inf for spacing in spacing_mm):
        raise UsageError(
            "E001", f"a spacing of {spacing_mm} mm", "positive numbers", "Give the grid's spacing."
        )


def _gradient_error(pair: ImagePair) -> float:
    return gradient_error(
        pair.reference,
        pair.synthetic,
        axis=pair.axis,
        spacing_mm=pair.spacing_mm[pair.axis],
        mask=pair.mask,
    )


def _outside_energy(pair: ImagePair) -> float:
    return outside_energy(pair.synthetic, _mask_of(pair), background=pair.background)


def _ring_energy(pair: ImagePair) -> float:
    return ring_energy(pair.synthetic, _mask_of(pair), spacing_mm=pair.spacing_mm, background=pair.background)


def _mask_of(pair: ImagePair) -> Mask:
    if pair.mask is None:
        raise UsageError("E004", "no mask", "what is inside and what outside", "Give a mask.")
    return pair.mask


def _lattice_excess(pair: ImagePair) -> SliceMean:
    """Measure whole slices: the edge of a mask would be a lattice itself."""

    def measure(reference: Array, synthetic: Array, _: Mask | None) -> float:
        return lattice_excess(reference, synthetic)

    return over_slices(measure, *pair.above_background, axis=pair.axis, mask=pair.mask)


METRICS = (
    Metric(
        "gradient_error",
        "{unit}/mm",
        "lower",
        _gradient_error,
        definition="differences of neighbouring slices",
        slices=2,
    ),
    Metric(
        "outside_energy",
        "1",
        "lower",
        _outside_energy,
        definition="share of the synthetic volume's energy outside the mask, counted from the background",
        needs="mask",
    ),
    Metric(
        "ring_energy",
        "1",
        "lower",
        _ring_energy,
        definition="mean energy of the synthetic volume 2 to 15 mm outside the mask, by that inside, counted from the "
        "background",
        needs="mask",
    ),
    Metric(
        "lattice_excess",
        "1",
        "zero",
        in_2d=_lattice_excess,
        definition="share of power at 0.45 per pixel and more, whole slices",
        kind="grey",
        smallest=SMALLEST,
    ),
)
