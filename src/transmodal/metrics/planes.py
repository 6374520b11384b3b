"""What the metrics of images share: slices of volumes, masks filled, sizes and kinds checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.metrics.image import Array, Mask, check_pair

Float = NDArray[np.float64]
PlaneMetric = Callable[[Array, Array, Mask | None], float]


class SliceFigures(NamedTuple):
    """A metric of images, taken of a volume's slices.

    Attributes:
        mean: over the slices used, each slice counting once.
        values: one figure per slice used.
        used: how many slices have a figure.
        excluded: how many slices have none, and are left out.
    """

    mean: float
    values: Float
    used: int
    excluded: int


def over_slices(
    metric: PlaneMetric, reference: Array, synthetic: Array, *, axis: int, mask: Mask | None = None
) -> SliceFigures:
    """Take a metric of images of every slice of a volume, and average.

    Slices that do not meet the mask, and those that the metric finds no content in (E124, as two constant
    slices have for FSIM), are excluded and counted.

    Args:
        metric: called with a slice of the reference, one of the synthetic volume and one of the mask (or
            None).
        reference: the target as measured, `(I, J, K)` or `(I, J, K, 3)`.
        synthetic: what a translator made, of the same shape.
        axis: the axis that is sliced, 0 to 2.
        mask: bool `(I, J, K)`; None takes every slice.

    Raises:
        InputError: E130 for shapes that differ, E120 for values that are not finite, E124 for an empty mask
            or where no slice is left.
    """
    check_pair(reference, synthetic, mask)
    n = reference.shape[axis]
    figures = [_taken(metric, planes) for planes in _planes(reference, synthetic, axis, mask)]
    values = np.array([figure for figure in figures if figure is not None])
    if not values.size:
        raise no_content(
            f"{n} slices without content", "one slice or more to compare", "Leave this metric out."
        )
    return SliceFigures(float(values.mean()), values, len(values), n - len(values))


def check_plane(reference: Array, synthetic: Array, mask: Mask | None, *, channels: int, side: int) -> None:
    """Refuse what a metric of images cannot take.

    Args:
        reference: `(H, W)`, or `(H, W, 3)` where three channels are asked for.
        synthetic: of the same shape.
        mask: bool `(H, W)` or None.
        channels: 1 for grey, 3 for colour.
        side: the fewest pixels that an image may have along an axis.

    Raises:
        InputError: E130, E120 and E124 as `mae`; E121 for what is not an image, E122 for the wrong channels.
        UsageError: E004 for an image that is too small.
    """
    check_pair(reference, synthetic, mask)
    if channels == 3:
        check_colour(reference)
    if reference.ndim != 2 + (channels == 3):
        raise InputError(
            "E121",
            f"an array of shape {reference.shape}",
            "an image (H, W)" if channels == 1 else "a colour image (H, W, 3)",
            "Take the metric slice by slice (`over_slices`).",
        )
    check_side(reference.shape[:2], side)


def check_colour(image: Array) -> None:
    """Refuse an array whose last axis does not hold three channels.

    Raises:
        InputError: E122.
    """
    if image.ndim < 2 or image.shape[-1] != 3:
        raise InputError(
            "E122",
            f"an array of shape {image.shape}",
            "colour: three channels on the last axis",
            "Give the image in colour, or take a metric of grey images.",
        )


def check_side(shape: tuple[int, ...], side: int) -> None:
    """Refuse an image of fewer than `side` pixels along an axis.

    Raises:
        UsageError: E004.
    """
    if min(shape) < side:
        raise UsageError(
            "E004",
            f"an image of {'x'.join(map(str, shape))}",
            f"at least {side} along every axis",
            "Leave this metric out for images as small as these.",
        )


def no_content(got: str, expected: str, remedy: str) -> InputError:
    """Return the refusal of an image over which a metric has no value: E124."""
    return InputError("E124", got, expected, remedy)


def filled(reference: Array, synthetic: Array, mask: Mask | None) -> tuple[Float, Float]:
    """Give both images the reference's mean outside the mask, so that nothing there matters.

    Both get one constant, the mean over the mask per channel: an edge that an image has against it is its
    own.
    """
    x, y = np.array(reference, np.float64), np.array(synthetic, np.float64)
    if mask is not None:
        mean = x[mask].mean(axis=0)
        x[~mask] = mean
        y[~mask] = mean
    return x, y


def _taken(metric: PlaneMetric, planes: tuple[Array, Array, Mask | None]) -> float | None:
    try:
        return metric(*planes)
    except InputError as error:
        if error.code != "E124":
            raise
        return None


def _planes(
    reference: Array, synthetic: Array, axis: int, mask: Mask | None
) -> Iterator[tuple[Array, Array, Mask | None]]:
    for index in range(reference.shape[axis]):
        part = None if mask is None else np.take(mask, index, axis)
        if part is None or part.any():
            yield np.take(reference, index, axis), np.take(synthetic, index, axis), part
