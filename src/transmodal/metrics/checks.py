"""Arrays of images: their types, and the refusal of those that no metric can take."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError

Array = NDArray[Any]
Mask = NDArray[np.bool_]
Float = NDArray[np.float64]


def check_pair(reference: Array, synthetic: Array, mask: Mask | None = None) -> None:
    """Refuse arrays that cannot be compared.

    Raises:
        InputError: E130 for shapes that differ, E120 for values that are not finite, E124 for no voxels.
    """
    check_shapes(reference, synthetic, mask)
    for name, values in (("reference", reference), ("synthetic image", synthetic)):
        _check_finite(name, values)


def check_shapes(reference: Array, synthetic: Array, mask: Mask | None = None) -> None:
    """Refuse arrays that are not of one shape or have no voxels to compare, whatever their values.

    Raises:
        InputError: E130 for shapes that differ, E124 for no voxels.
    """
    if reference.shape != synthetic.shape:
        raise InputError(
            "E130",
            f"a reference of shape {reference.shape} and a synthetic image of shape {synthetic.shape}",
            "one shape",
            "Bring the synthetic image onto the reference's grid.",
        )
    if mask is not None and reference.shape[: mask.ndim] != mask.shape:
        raise InputError(
            "E130", f"a mask of shape {mask.shape}", f"the images' shape {reference.shape}", "Check the mask."
        )
    if reference.size == 0 or (mask is not None and not mask.any()):
        raise InputError(
            "E124",
            "no voxels to compare",
            "a mask with at least one voxel",
            "Check the mask, or leave it out.",
        )


def check_range(data_range: float) -> None:
    """Refuse a data range that is not positive and finite.

    Raises:
        UsageError: E001.
    """
    if not (math.isfinite(data_range) and data_range > 0):
        raise UsageError(
            "E001",
            f"the data range {data_range}",
            "a positive, finite width of the range of values",
            "Give the protocol's range: 1 for FA, 4024 for CT, 255 for colour.",
        )


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


def check_spacing(spacing_mm: tuple[float, ...]) -> None:
    """Refuse spacings that are not positive and finite.

    Raises:
        UsageError: E001.
    """
    if not all(0 < spacing < np.inf for spacing in spacing_mm):
        raise UsageError(
            "E001", f"a spacing of {spacing_mm} mm", "positive numbers", "Give the grid's spacing."
        )


def no_content(problem: str, expected: str, remedy: str) -> InputError:
    """Return the refusal of an image over which a metric has no value: E124."""
    return InputError("E124", problem, expected, remedy)


def fill_outside(reference: Array, synthetic: Array, mask: Mask | None) -> tuple[Float, Float]:
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


def _check_finite(name: str, values: Array) -> None:
    if values.dtype.kind != "f":
        return
    with np.errstate(over="ignore", invalid="ignore"):
        if math.isfinite(
            values.sum()
        ):  # no sum of NaN or infinity is finite; looking at every value takes longer
            return
    n_bad = values.size - int(np.count_nonzero(np.isfinite(values)))
    if n_bad:
        raise InputError(
            "E120",
            f"a {name} with {n_bad} of {values.size} values not finite",
            "finite values",
            "A figure over NaN or infinity means nothing: mend the image first.",
        )
