"""Figures on voxel values: MAE, MSE and PSNR, whole or inside a mask, in float64.

A colour image counts each channel as a value of its own. Values are never clipped or rescaled here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError
from transmodal.metrics.checks import Array, Mask, check_pair, check_range
from transmodal.metrics.metric import Metric, over_voxels
from transmodal.metrics.pair import ImagePair


def mae(reference: Array, synthetic: Array, *, mask: Mask | None = None) -> float:
    """Return the mean absolute difference, in the unit of the values.

    Args:
        reference: the target as measured, `(...)`, or `(..., 3)` in colour.
        synthetic: the translator's image, of the same shape.
        mask: bool, of the same shape (without the channels); None takes every voxel.

    Raises:
        InputError: E130 for shapes that differ, E120 for values that are not finite, E124 for an empty mask.
    """
    difference = _difference(reference, synthetic, mask)
    return float(np.abs(difference, out=difference).mean())


def mse(reference: Array, synthetic: Array, *, mask: Mask | None = None) -> float:
    """Return the mean squared difference; arguments and errors as in `mae`."""
    difference = _difference(reference, synthetic, mask)
    return float(np.vdot(difference, difference) / difference.size)


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
    difference = _difference(reference, synthetic, mask)
    inside: Any = ... if mask is None else mask
    values = np.asarray(reference[inside], np.float64).ravel()
    energy = float(np.vdot(values, values))
    if energy == 0:
        raise InputError(
            "E124",
            "a reference that is 0 at every voxel",
            "a reference with values",
            "Give another mask, or take mse.",
        )
    return float(np.vdot(difference, difference)) / energy


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


def _difference(reference: Array, synthetic: Array, mask: Mask | None) -> NDArray[np.float64]:
    check_pair(reference, synthetic, mask)
    inside: Any = ... if mask is None else mask
    difference: NDArray[np.float64] = np.subtract(reference[inside], synthetic[inside], dtype=np.float64)
    return difference.ravel()


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
