"""Figures on voxel values: MAE, MSE and PSNR, whole or inside a mask, in float64.

A colour image counts each channel as a value of its own. Values are never clipped or rescaled here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError
from transmodal.metrics.checks import Array, Mask, check_pair, check_range, check_shapes
from transmodal.metrics.metric import Metric, over_voxels
from transmodal.metrics.pair import ImagePair

_BLOCK = 2**16
"""Voxels that are subtracted at a time: half a mebibyte in float64, which the second cache holds."""


def mae(reference: Array, synthetic: Array, *, mask: Mask | None = None) -> float:
    """Return the mean absolute difference, in the unit of the values.

    Args:
        reference: the target as measured, `(...)`, or `(..., 3)` in colour.
        synthetic: the translator's image, of the same shape.
        mask: bool, of the same shape (without the channels); None takes every voxel.

    Raises:
        InputError: E130 for shapes that differ, E120 for values that are not finite, E124 for an empty mask.
    """
    return _mean(reference, synthetic, mask, _sum_of_sizes)


def mse(reference: Array, synthetic: Array, *, mask: Mask | None = None) -> float:
    """Return the mean squared difference; arguments and errors as in `mae`."""
    return _mean(reference, synthetic, mask, _sum_of_squares)


def nmse(reference: Array, synthetic: Array, *, mask: Mask | None = None) -> float:
    """Return the squared difference's share of the reference's energy: `sum (x - y)^2 / sum x^2`.

    Unit 1, lower is better, 0 for identical images. It depends on where the values have their zero: take it
    of MR and FA, where nothing is 0, and not of HU.

    Args:
        reference: the target as measured.
        synthetic: the translator's image.
        mask: as in `mae`.

    Raises:
        InputError: as `mae`; E124 as well for a reference that is 0 everywhere.
    """
    error = mse(reference, synthetic, mask=mask)
    inside: Any = ... if mask is None else mask
    values = np.asarray(reference[inside], np.float64).ravel()
    energy = _sum_of_squares(values)
    if energy == 0:
        raise InputError(
            "E124",
            "a reference that is 0 at every voxel",
            "a reference with values",
            "Give another mask, or take mse.",
        )
    return error * values.size / energy


def psnr(reference: Array, synthetic: Array, *, data_range: float, mask: Mask | None = None) -> float:
    """Return the peak signal-to-noise ratio in dB: `10 log10(data_range^2 / mse)`.

    Identical images have no noise: the result is `math.inf`, which tables write as null with a note.

    Args:
        reference: the target as measured.
        synthetic: the translator's image.
        data_range: width of the range of possible values, fixed by the protocol, never by the prediction.
        mask: as in `mae`.

    Raises:
        InputError: as `mae`.
        UsageError: E001 for a data range that is not positive and finite.
    """
    check_range(data_range)
    error = mse(reference, synthetic, mask=mask)
    return math.inf if error == 0 else 20 * math.log10(data_range) - 10 * math.log10(error)


def _mean(
    reference: Array, synthetic: Array, mask: Mask | None, add_up: Callable[[NDArray[np.float64]], float]
) -> float:
    """Return the mean over voxels of what `add_up` sums of their differences.

    A value that is not finite leaves no sum over all voxels finite: without a mask, a pass is saved where all are.
    """
    check = check_shapes if mask is None else check_pair
    check(reference, synthetic, mask)
    inside: Any = ... if mask is None else mask
    x, y = reference[inside], synthetic[inside]
    with np.errstate(over="ignore", invalid="ignore"):
        total = sum(map(add_up, _differences(x, y)))
    if not math.isfinite(total):
        check_pair(reference, synthetic, mask)
    return total / int(x.size)


def _differences(reference: Array, synthetic: Array) -> Iterator[NDArray[np.float64]]:
    """Yield the differences in blocks that stay in the cache, in one buffer, which may be written to."""
    if reference.flags.f_contiguous and synthetic.flags.f_contiguous:
        reference, synthetic = reference.T, synthetic.T
    x, y = reference.reshape(-1), synthetic.reshape(-1)
    buffer = np.empty(min(_BLOCK, x.size))
    for start in range(0, x.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        yield np.subtract(x[block], y[block], out=buffer[: x[block].size], dtype=np.float64)


def _sum_of_sizes(difference: NDArray[np.float64]) -> float:
    return float(np.abs(difference, out=difference).sum())


def _sum_of_squares(difference: NDArray[np.float64]) -> float:
    return float(np.vdot(difference, difference))


def _psnr(pair: ImagePair) -> float:
    return psnr(pair.reference, pair.synthetic, data_range=pair.data_range, mask=pair.mask)


METRICS = (
    Metric("mae", "{unit}", "lower", over_voxels(mae), has_range=False),
    Metric("mse", "({unit})^2", "lower", over_voxels(mse), has_range=False),
    Metric("nmse", "1", "lower", over_voxels(nmse), definition="by the reference's energy"),
    Metric(
        "psnr",
        "dB",
        "higher",
        _psnr,
        no_value="the images are identical: PSNR is infinite",
        decimals=2,
    ),
)
