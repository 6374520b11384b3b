"""Energy outside the mask: content where none may be.

It shows a known fault of translators; it is no measure of quality by itself.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

from transmodal.errors import UsageError
from transmodal.metrics.checks import Array, Float, Mask, check_pair, check_spacing, no_content
from transmodal.metrics.metric import Metric
from transmodal.metrics.pair import ImagePair


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
    check_spacing(spacing_mm)
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


def _energy(image: Array, brain: Mask, background: float) -> Float:
    energy: Float = (np.asarray(image, np.float64) - background) ** 2
    return energy if image.ndim == brain.ndim else energy.sum(axis=-1)


def _outside_energy(pair: ImagePair) -> float:
    return outside_energy(pair.synthetic, _mask_of(pair), background=pair.background)


def _ring_energy(pair: ImagePair) -> float:
    return ring_energy(pair.synthetic, _mask_of(pair), spacing_mm=pair.spacing_mm, background=pair.background)


def _mask_of(pair: ImagePair) -> Mask:
    if pair.mask is None:
        raise UsageError("E004", "no mask", "what is inside and what outside", "Give a mask.")
    return pair.mask


METRICS = (
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
)
