"""The unit that a prediction's values seem to be in: those that its target's cannot be in are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError

_PER_MILLE = (0.1, 99.9)
_FEW = 0.05
"""Share of a target's voxels below zero from which on a prediction without any lacks its intercept."""


def check_unit(predicted: NDArray[Any], target: NDArray[Any], unit: str, label: str) -> None:
    """Refuse values of another unit than the target's, as far as their ranges show it.

    Args:
        predicted: the volume's voxels, of the target's shape.
        target: as measured, in its unit.
        unit: of the target, such as `HU`.
        label: whose volume of which case, for errors.

    Raises:
        InputError: E124 for one constant value, E125 for a scale of 0 to 1, of 8 bits or of thousandths, for CT
            without its intercept, and for values that are all far smaller or greater than the target's.
    """
    if float(predicted.min()) == float(predicted.max()):
        raise InputError(
            "E124", f"{label} with one constant value", "an image", "Look at the file that the tool wrote."
        )
    fault = find_fault(predicted, target, unit)
    if fault:
        remedy, _, advice = fault.partition("|")
        raise InputError(
            "E125",
            f"{label} with {remedy}",
            f"values in {unit}, as its target has",
            f"{advice} Or take them as they are: --trust-values.",
        )


def find_fault(predicted: NDArray[Any], target: NDArray[Any], unit: str) -> str:
    """Return the fault of a prediction's values and its remedy, divided by a bar; empty for none."""
    low, high = (float(end) for end in np.percentile(predicted, _PER_MILLE))
    least, most = (float(end) for end in np.percentile(target, _PER_MILLE))
    span, width = high - low, most - least
    scale = "Convert them with --rescale SLOPE,INTERCEPT, or --rescale fit, which the record then says."
    if unit == "HU":
        if low >= -1.001 and high <= 1.001 and width > 20:
            return f"values from {low:.3g} to {high:.3g}, an image scaled to [0, 1] or [-1, 1]|{scale}"
        if low >= 0 and high <= 255 and (least < -200 or most > 400) and _is_whole(predicted):
            return f"whole values from {low:.0f} to {high:.0f}, a picture of 8 bits|{scale}"
        if low >= 0 and float(np.mean(target < -300)) > _FEW:
            return f"hardly a value below 0, where its target has air|Stored CT without its intercept is mended by --rescale 1,-1024. {scale}"
    if unit == "FA" and high > 2:
        return f"values up to {high:.3g}, where FA is at most 1|Thousandths are mended by --rescale 0.001,0. {scale}"
    if width > 0 and not 0.02 < span / width < 50:
        return f"values from {low:.3g} to {high:.3g} where its target has {least:.3g} to {most:.3g}|{scale}"
    return ""


def _is_whole(values: NDArray[Any]) -> bool:
    return bool(np.equal(np.mod(values, 1), 0).all())
