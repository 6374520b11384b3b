"""Figures on colour: colourfulness, its difference, and CIEDE2000, whole, inside a mask or per organ.

Hasler and Suesstrunk, "Measuring colourfulness in natural images", SPIE 5007, 2003. Sharma, Wu and Dalal,
"The CIEDE2000 color-difference formula", Color Research and Application 30(1), 2005. Colours are sRGB
(IEC 61966-2-1) under D65 with the 2 degree observer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from transmodal.errors import UsageError
from transmodal.metrics.checks import Array, Float, Mask, check_colour, check_pair, check_range
from transmodal.metrics.metric import Dims, In3D, Metric
from transmodal.metrics.pair import ImagePair

# Linear sRGB to XYZ (ITU-R BT.709 primaries) and the white of D65, as printed in the standards.
_TO_XYZ = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
_D65 = np.array([0.95047, 1.0, 1.08883])


class OrganColour(NamedTuple):
    """Colour figures of one label.

    Attributes:
        label: as in the label map.
        n: how many voxels have it.
        ciede2000: mean colour difference.
        delta_cf: difference of colourfulness.
    """

    label: int
    n: int
    ciede2000: float
    delta_cf: float


def colourfulness(image: Array, *, white: float, mask: Mask | None = None) -> float:
    """Return Hasler and Suesstrunk's colourfulness M3 on the scale 0 to 1. Unit 1; 0 for greys of one chroma.

    `CF = sqrt(var(rg) + var(yb)) + 0.3 sqrt(mean(rg)^2 + mean(yb)^2)`, where `rg = R - G` and
    `yb = (R + G) / 2 - B`, signs kept. Figures on the scale 0 to 255 are 255 times these. It describes one
    image: neither more nor less is better.

    Args:
        image: colour, `(..., 3)`.
        white: the value of white: 255 for 8-bit levels, 1 for colours from 0 to 1.
        mask: bool `(...)`; None takes every voxel.

    Raises:
        InputError: E122 for an image without three channels, E120 for values that are not finite, E124 for an
            empty mask.
        UsageError: E001 for a white that is not positive.
    """
    check_colour(image)
    check_pair(image, image, mask)
    check_range(white)
    red, green, blue = np.moveaxis(_inside(image, mask) / white, -1, 0)
    rg, yb = red - green, (red + green) / 2 - blue
    spread = np.hypot(rg.std(), yb.std())
    return float(spread + 0.3 * np.hypot(rg.mean(), yb.mean()))


def delta_cf(reference: Array, synthetic: Array, *, white: float, mask: Mask | None = None) -> float:
    """Return the absolute difference of colourfulness. Unit 1 (scale 0 to 1), lower is better.

    It says nothing of where a colour is, nor of which: see `ciede2000`.

    Args:
        reference: the target as measured, `(..., 3)`.
        synthetic: the translator's image, of the same shape.
        white: as in `colourfulness`.
        mask: as in `colourfulness`.

    Raises:
        InputError: as `colourfulness`; E130 for shapes that differ.
        UsageError: as `colourfulness`.
    """
    check_pair(reference, synthetic, mask)
    of_reference, of_synthetic = (
        colourfulness(image, white=white, mask=mask) for image in (reference, synthetic)
    )
    return abs(of_reference - of_synthetic)


def ciede2000(reference: Array, synthetic: Array, *, white: float, mask: Mask | None = None) -> float:
    """Return the mean CIEDE2000 colour difference.

    Unit Delta E00, of which an eye sees about 1; lower is better. Values outside 0 to white are no sRGB
    colours and are clipped.

    Args:
        reference: the target as measured, sRGB, `(..., 3)`.
        synthetic: the translator's image, of the same shape.
        white: as in `colourfulness`.
        mask: as in `colourfulness`.

    Raises:
        InputError: as `delta_cf`.
        UsageError: as `colourfulness`.
    """
    check_colour(reference)
    check_pair(reference, synthetic, mask)
    check_range(white)
    reference_lab, synthetic_lab = (
        to_lab(_inside(image, mask), white=white) for image in (reference, synthetic)
    )
    return float(difference(reference_lab, synthetic_lab).mean())


def by_organ(reference: Array, synthetic: Array, labels: Array, *, white: float) -> tuple[OrganColour, ...]:
    """Return the colour figures of every label above 0, in ascending order.

    Args:
        reference: the target as measured, sRGB, `(..., 3)`.
        synthetic: the translator's image, of the same shape.
        labels: integers `(...)`; 0 is background.
        white: as in `colourfulness`.

    Raises:
        InputError: as `delta_cf`; E124 for a label map without a label above 0, E130 for one of another
            shape.
        UsageError: as `colourfulness`.
    """
    check_pair(reference, synthetic, labels > 0)
    figures = []
    for label in np.unique(labels[labels > 0]):
        mask = labels == label
        figures.append(
            OrganColour(
                int(label),
                int(mask.sum()),
                ciede2000(reference, synthetic, white=white, mask=mask),
                delta_cf(reference, synthetic, white=white, mask=mask),
            )
        )
    return tuple(figures)


def to_lab(image: Array, *, white: float) -> Float:
    """Return CIELAB coordinates of sRGB colours, `(..., 3)`, clipped to the range of sRGB first."""
    values = np.clip(np.asarray(image, np.float64) / white, 0, 1)
    linear = np.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)
    relative = linear @ _TO_XYZ.T / _D65
    delta = 6 / 29
    root = np.where(relative > delta**3, np.cbrt(relative), relative / (3 * delta**2) + 4 / 29)
    fx, fy, fz = np.moveaxis(root, -1, 0)
    return np.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], axis=-1)


def difference(reference: Float, synthetic: Float) -> Float:
    """Return CIEDE2000 of two arrays of CIELAB colours `(..., 3)`; equation numbers are Sharma et al.'s."""
    (l1, a1, b1), (l2, a2, b2) = np.moveaxis(reference, -1, 0), np.moveaxis(synthetic, -1, 0)
    stretch = 1 + (1 - _chroma_share((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2)) / 2  # eq. 4, 5
    c1, c2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)  # eq. 6
    h1, h2 = np.arctan2(b1, stretch * a1), np.arctan2(b2, stretch * a2)  # eq. 7
    grey = c1 * c2 == 0
    turn = np.where(grey, 0, (h2 - h1 + np.pi) % (2 * np.pi) - np.pi)  # eq. 10
    d_hue = 2 * np.sqrt(c1 * c2) * np.sin(turn / 2)  # eq. 11
    light, chroma = (l1 + l2) / 2, (c1 + c2) / 2  # eq. 12, 13
    hue = np.where(grey, h1 + h2, _mean_hue(h1 % (2 * np.pi), h2 % (2 * np.pi)))  # eq. 14
    weight = (  # eq. 15
        1
        - 0.17 * np.cos(hue - np.pi / 6)
        + 0.24 * np.cos(2 * hue)
        + 0.32 * np.cos(3 * hue + np.pi / 30)
        - 0.20 * np.cos(4 * hue - np.radians(63))
    )
    off = (light - 50) ** 2
    l_term = (l2 - l1) / (1 + 0.015 * off / np.sqrt(20 + off))  # eq. 18
    c_term = (c2 - c1) / (1 + 0.045 * chroma)  # eq. 19
    h_term = d_hue / (1 + 0.015 * chroma * weight)  # eq. 20
    around_blue = np.radians(30) * np.exp(-(((np.degrees(hue) % 360 - 275) / 25) ** 2))  # eq. 16
    rotation = -np.sin(2 * around_blue) * 2 * _chroma_share(chroma)  # eq. 17, 21
    squared = l_term**2 + c_term**2 + h_term**2 + rotation * c_term * h_term  # eq. 22
    result: Float = np.sqrt(np.maximum(squared, 0))
    return result


def _chroma_share(chroma: Float) -> Float:
    """Return `sqrt(C^7 / (C^7 + 25^7))`."""
    seventh = chroma**7
    share: Float = np.sqrt(seventh / (seventh + 25.0**7))
    return share


def _mean_hue(h1: Float, h2: Float) -> Float:
    """Return the angle halfway on the shorter arc; opposite hues take the plain mean."""
    mean = (h1 + h2) / 2
    far = np.abs(h1 - h2) > np.pi
    return np.where(far, np.where(h1 + h2 < 2 * np.pi, mean + np.pi, mean - np.pi), mean)


def _inside(image: Array, mask: Mask | None) -> Float:
    values = image if mask is None else image[mask]
    return np.asarray(values, np.float64)


def _of_colours(function: Callable[..., float]) -> In3D:
    def measure(pair: ImagePair) -> float:
        return function(pair.reference, pair.synthetic, white=pair.data_range, mask=pair.mask)

    return measure


def _of_organs(figure: Literal["ciede2000", "delta_cf"]) -> In3D:
    """Return the mean over organs of a metric of colour; each organ counts once, however large it is."""

    def measure(pair: ImagePair) -> float:
        organs = by_organ(pair.reference, pair.synthetic, _labels_inside(pair), white=pair.data_range)
        return math.fsum(getattr(organ, figure) for organ in organs) / len(organs)

    return measure


def _labels_inside(pair: ImagePair) -> Array:
    if pair.labels is None:
        raise UsageError("E004", "no labels", "the labels of organs", "Give a segmentation.")
    return pair.labels if pair.mask is None else np.where(pair.mask, pair.labels, 0)


def _number_of_organs(pair: ImagePair, _: Dims) -> str:
    labels = _labels_inside(pair)
    return f"{len(np.unique(labels[labels > 0]))} organs"


_COLOURFULNESS = "Hasler 2003, scale 0 to 1"
_DELTA_E = "sRGB, D65, 2 degrees"
_OVER_ORGANS = "mean over the labels of the segmentation, each counting once"
METRICS = (
    Metric("delta_cf", "1", "lower", _of_colours(delta_cf), definition=_COLOURFULNESS, kind="colour"),
    Metric("ciede2000", "Delta E00", "lower", _of_colours(ciede2000), definition=_DELTA_E, kind="colour"),
    Metric(
        "delta_cf_organs",
        "1",
        "lower",
        _of_organs("delta_cf"),
        definition=f"{_COLOURFULNESS}; {_OVER_ORGANS}",
        kind="colour",
        needs="labels",
        detail=_number_of_organs,
    ),
    Metric(
        "ciede2000_organs",
        "Delta E00",
        "lower",
        _of_organs("ciede2000"),
        definition=f"{_DELTA_E}; {_OVER_ORGANS}",
        kind="colour",
        needs="labels",
        detail=_number_of_organs,
    ),
)
