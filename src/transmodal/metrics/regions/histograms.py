"""Cumulative dose-volume histograms as curves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from transmodal.metrics.checks import Array, Mask, check_pair


def dvh_curve(dose: Array, structure: Mask, doses_gy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of a structure that gets at least each of several doses, in per cent.

    Args:
        dose: in Gy, `(I, J, K)`.
        structure: bool, of the same shape.
        doses_gy: ascending.

    Raises:
        InputError: E130 for shapes that differ, E120 for a dose that is not finite, E124 for an empty structure.
    """
    check_pair(dose, dose, structure)
    inside = np.sort(np.asarray(dose[structure], np.float64))
    below = np.searchsorted(inside, doses_gy, side="left")
    shares: NDArray[np.float64] = 100 * (inside.size - below) / inside.size
    return shares
