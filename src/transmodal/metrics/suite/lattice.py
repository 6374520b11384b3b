"""Alternating pixels: the lattice that transposed convolutions leave.

It shows a known fault of translators; compare a synthetic image's with its reference's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from transmodal.metrics.checks import Array, Mask, check_pair, check_plane
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


def _lattice_excess(pair: ImagePair) -> SliceMean:
    """Measure whole slices: the edge of a mask would be a lattice itself."""

    def measure(reference: Array, synthetic: Array, _: Mask | None) -> float:
        return lattice_excess(reference, synthetic)

    return over_slices(measure, *pair.above_background, axis=pair.axis, mask=pair.mask)


METRICS = (
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
