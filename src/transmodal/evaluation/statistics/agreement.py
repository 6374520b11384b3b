"""Agreement and non-inferiority over patients: Bland-Altman, and a margin that was fixed beforehand."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import stats

from transmodal.errors import UsageError
from transmodal.evaluation.statistics.bootstrap import CONFIDENCE, RESAMPLES, SEED, Interval, Values
from transmodal.evaluation.statistics.paired_tests import (
    FEWEST,
    differences_of,
    matrix_of,
    paired,
    standard_deviation,
    wilcoxon,
)


class NonInferiority(NamedTuple):
    """Whether the first is at most a margin worse than the second.

    Attributes:
        margin: largest mean worsening that does not matter, in the unit of the figures.
        worst: bound of the interval of the mean on the worse side, as a worsening; None below `FEWEST` patients.
        p: of the one-sided Wilcoxon signed-rank test that the worsening reaches the margin; None likewise.
        is_shown: whether `worst` lies below the margin; None where there is no interval.
    """

    margin: float
    worst: float | None
    p: float | None
    is_shown: bool | None


class BlandAltman(NamedTuple):
    """Agreement of a synthetic with a measured quantity (Bland and Altman 1999, Stat Methods Med Res 8, 135).

    Attributes:
        n: patients.
        bias: mean of synthetic minus measured.
        sd: sample standard deviation of the differences.
        lower: lower limit of agreement, bias - 1.96 sd.
        upper: upper limit of agreement.
        of_bias: interval of the bias, by Student's t; None below `FEWEST` patients.
        of_lower: interval of the lower limit (their approximation); None likewise.
        of_upper: interval of the upper limit; None likewise.
        slope: of the differences against the pairs' means: other than 0 where the bias grows with the quantity.
        of_slope: interval of the slope; None below `FEWEST` patients or where all means are equal.
    """

    n: int
    bias: float
    sd: float
    lower: float
    upper: float
    of_bias: Interval | None
    of_lower: Interval | None
    of_upper: Interval | None
    slope: float | None
    of_slope: Interval | None


def non_inferiority(
    first: Values,
    second: Values,
    *,
    margin: float,
    higher_is_better: bool,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> NonInferiority:
    """Test whether the first is at most a margin worse than the second; the margin is fixed beforehand.

    Args:
        first: finite, `(patients,)` or `(seeds, patients)`.
        second: the reference, same patients in the same order.
        margin: largest worsening that does not matter, in the unit of the figures.
        higher_is_better: direction of the metric.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        UsageError: E001 for a margin that is not above 0, and as `paired`.
    """
    if not (margin > 0 and math.isfinite(margin)):
        raise UsageError(
            "E001",
            f"a margin of {margin:g}",
            "one above 0, in the metric's unit",
            "Choose it before looking.",
        )
    worse = (second, first) if higher_is_better else (first, second)
    interval = paired(*worse, resamples=resamples, seed=seed).interval
    if interval is None:
        return NonInferiority(margin, None, None, None)
    differences = differences_of(*map(matrix_of, worse))
    return NonInferiority(
        margin, interval.high, wilcoxon(differences - margin, "less"), interval.high < margin
    )


def bland_altman(synthetic: Values, measured: Values) -> BlandAltman:
    """Compare a synthetic with a measured quantity, such as the mean HU or FA of a region, patient by patient.

    Args:
        synthetic: finite, `(patients,)`, two or more.
        measured: of the same patients in the same order and unit.

    Raises:
        UsageError: E001 below two patients, and as `paired`.
    """
    synthetic_means, measured_means = matrix_of(synthetic).mean(axis=0), matrix_of(measured).mean(axis=0)
    differences = differences_of(synthetic_means[None], measured_means[None])
    n, bias, sd = len(differences), float(differences.mean()), standard_deviation(differences)
    if sd is None:
        raise UsageError("E001", "agreement over one patient", "two or more", "Add patients.")
    z = float(stats.norm.ppf((1 + CONFIDENCE) / 2))
    of_bias, of_limit = sd / math.sqrt(n), sd * math.sqrt(1 / n + z**2 / (2 * (n - 1)))
    lower, upper = bias - z * sd, bias + z * sd
    limits = [_student(lower, of_limit, n, n - 1), _student(upper, of_limit, n, n - 1)]
    slope = _slope((synthetic_means + measured_means) / 2, differences)
    return BlandAltman(
        n, bias, sd, lower, upper, _student(bias, of_bias, n, n - 1), limits[0], limits[1], *slope
    )


def _slope(means: Values, differences: Values) -> tuple[float | None, Interval | None]:
    if np.ptp(means) == 0:
        return None, None
    if np.ptp(differences) == 0:  # a flat line without error, which scipy gives as NaN
        return 0.0, _student(0.0, 0.0, len(means), len(means) - 2)
    line = stats.linregress(means, differences)
    slope, n = float(line.slope), len(means)
    return slope, _student(slope, float(line.stderr), n, n - 2)


def _student(centre: float, error: float, n: int, freedom: int) -> Interval | None:
    if n < FEWEST:
        return None
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    return Interval(centre - reach, centre + reach)
