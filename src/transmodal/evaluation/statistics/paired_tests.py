"""Statistics over patients: descriptions, paired differences, corrected tests, effect sizes.

The unit is the patient. Several cases of one patient are averaged first; several seeds of one recipe stand in a
matrix `(seeds, patients)`, are averaged for tests, and resampled beside the patients for intervals.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy import stats

from transmodal.errors import UsageError
from transmodal.evaluation.statistics.bootstrap import RESAMPLES, SEED, Interval, Values, intervals

FEWEST = 6
"""Patients below which there is neither a test nor an interval; `too_few` says why."""

_EXACT = 13
"""Patients up to which all signs are enumerated where differences are tied."""

Alternative = Literal["two-sided", "less", "greater"]


class Description(NamedTuple):
    """Description of one translator's figures over patients.

    Attributes:
        n: patients.
        seeds: trainings.
        mean: over patients, of their means over seeds.
        sd: sample standard deviation over patients; None below two.
        median: over patients.
        of_mean: interval of the mean; None below `FEWEST` patients.
        of_median: interval of the median; None below `FEWEST` patients.
    """

    n: int
    seeds: int
    mean: float
    sd: float | None
    median: float
    of_mean: Interval | None
    of_median: Interval | None


class Difference(NamedTuple):
    """First minus second, paired by patient.

    Attributes:
        n: patients.
        mean: of the differences.
        sd: sample standard deviation of the differences; None below two patients.
        interval: of the mean difference; None below `FEWEST` patients.
        p: of the two-sided Wilcoxon signed-rank test, not corrected; None below `FEWEST` patients.
        rank_biserial: effect size that belongs to the test, -1 to 1; see `rank_biserial`.
        standardised: mean over standard deviation of the differences (Cohen's d_z); None where that is 0.
    """

    n: int
    mean: float
    sd: float | None
    interval: Interval | None
    p: float | None
    rank_biserial: float
    standardised: float | None


def by_patient(figures: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Return one figure per patient: the mean over the patient's cases, in the order of first appearance."""
    cases: dict[str, list[float]] = {}
    for patient, value in figures:
        cases.setdefault(patient, []).append(value)
    return {patient: math.fsum(values) / len(values) for patient, values in cases.items()}


def too_few(n: int) -> str:
    """Return why there is no test and no interval for so few patients; empty where there are enough."""
    if n >= FEWEST:
        return ""
    if n < 2:
        return f"no test and no interval: {n} patient, {FEWEST} are needed"
    chance = f"{2.0 ** (1 - n):.4g}"
    return (
        f"no test and no interval: with {n} patients no two-sided signed-rank test can fall below p = {chance}, and "
        f"with that probability all {n} lie on one side of the truth; {FEWEST} are needed"
    )


def describe(values: Values, *, resamples: int = RESAMPLES, seed: int = SEED) -> Description:
    """Describe figures over patients, and seeds where there are several.

    Args:
        values: finite, `(patients,)` or `(seeds, patients)`.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        UsageError: E001 without patients or with a value that is not finite.
    """
    matrix = matrix_of(values)
    means = matrix.mean(axis=0)
    of_both = intervals([matrix], resamples, seed) if len(means) >= FEWEST else (None, None)
    return Description(
        len(means),
        len(matrix),
        float(means.mean()),
        standard_deviation(means),
        float(np.median(means)),
        *of_both,
    )


def paired(first: Values, second: Values, *, resamples: int = RESAMPLES, seed: int = SEED) -> Difference:
    """Compare two translators patient by patient.

    Args:
        first: finite, `(patients,)` or `(seeds, patients)`.
        second: the same patients in the same order; seeds may be others and as many as they like.
        resamples: of the bootstrap, which draws the same patients for both, and the seeds of each apart.
        seed: of the bootstrap.

    Raises:
        UsageError: E001 without patients, with a value that is not finite, or with other numbers of patients.
    """
    ours, theirs = matrix_of(first), matrix_of(second)
    return _difference(differences_of(ours, theirs), [ours, -theirs], resamples, seed)


def paired_by_run(
    first: Values, second: Values, *, resamples: int = RESAMPLES, seed: int = SEED
) -> Difference:
    """Compare two conditions of the same trainings patient by patient.

    The luck of a training is in both of its conditions, so the seeds are drawn together: drawn apart, it would widen the
    interval of a change that every training shows alike.

    Args:
        first: finite, `(patients,)` or `(seeds, patients)`.
        second: the same seeds and patients in the same order.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        UsageError: as `paired`, and E001 for other numbers of seeds.
    """
    ours, theirs = matrix_of(first), matrix_of(second)
    differences = differences_of(ours, theirs)
    if len(ours) != len(theirs):
        raise UsageError(
            "E001",
            f"{len(ours)} and {len(theirs)} seeds",
            "two conditions of the same trainings",
            "Compare other trainings with paired.",
        )
    return _difference(differences, [ours - theirs], resamples, seed)


def _difference(differences: Values, parts: Sequence[Values], resamples: int, seed: int) -> Difference:
    """Return the description of differences `(patients,)`, whose interval is that of the parts' sum."""
    interval, _ = intervals(parts, resamples, seed) if len(differences) >= FEWEST else (None, None)
    sd, mean = standard_deviation(differences), float(differences.mean())
    return Difference(
        len(differences),
        mean,
        sd,
        interval,
        wilcoxon(differences),
        rank_biserial(differences),
        mean / sd if sd else None,
    )


def wilcoxon(differences: Values, alternative: Alternative = "two-sided") -> float | None:
    """Return the p-value of the Wilcoxon signed-rank test; None below `FEWEST` patients.

    Differences of 0 are left out; where none is left, p is 1. Exact up to 50 patients without ties and up to 13
    with ties, by the normal approximation beyond.
    """
    if len(differences) < FEWEST:
        return None
    nonzero = differences[differences != 0]
    if not len(nonzero):
        return 1.0
    tied = len(np.unique(np.abs(nonzero))) < len(nonzero)
    method: Any = stats.PermutationMethod(n_resamples=2**_EXACT) if len(nonzero) <= _EXACT else "approx"
    return float(stats.wilcoxon(nonzero, alternative=alternative, method=method if tied else "auto").pvalue)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct the p-values of one family for their number (Holm 1979, Scand J Stat 6, 65).

    Args:
        p_values: one per test; None where there was none, which stays None and does not count.
    """
    tests = sorted((p, n) for n, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    reached = 0.0
    for rank, (p, n) in enumerate(tests):
        reached = min(1.0, max(reached, p * (len(tests) - rank)))
        corrected[n] = reached
    return corrected


def rank_biserial(differences: Values) -> float:
    """Return the matched-pairs rank-biserial correlation (Kerby 2014, Compr Psychol 3, 1), -1 to 1.

    It is the share of the ranks' sum that differences above 0 have, minus the share of those below.
    """
    nonzero = differences[differences != 0]
    if not len(nonzero):
        return 0.0
    ranks = stats.rankdata(np.abs(nonzero))
    return float((ranks[nonzero > 0].sum() - ranks[nonzero < 0].sum()) / ranks.sum())


def matrix_of(values: Values) -> Values:
    """Return figures as `(seeds, patients)`.

    Raises:
        UsageError: E001 without patients or with a value that is not finite.
    """
    matrix = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if matrix.ndim != 2 or not matrix.size or not np.isfinite(matrix).all():
        raise UsageError(
            "E001",
            f"figures of shape {np.shape(values)}{'' if np.isfinite(matrix).all() else ', not all finite'}",
            "finite ones, (patients,) or (seeds, patients)",
            "Leave out patients whose figure is not finite.",
        )
    return matrix


def differences_of(ours: Values, theirs: Values) -> Values:
    """Return the differences of the means over seeds, `(patients,)`, of two matrices `(seeds, patients)`.

    Raises:
        UsageError: E001 for other numbers of patients.
    """
    if ours.shape[1] != theirs.shape[1]:
        raise UsageError(
            "E001",
            f"{ours.shape[1]} and {theirs.shape[1]} patients",
            "the same patients in the same order",
            "Evaluate both on the same cases.",
        )
    difference: Values = np.mean(ours, axis=0) - np.mean(theirs, axis=0)
    return difference


def standard_deviation(values: Values) -> float | None:
    """Return the sample standard deviation; None below two values."""
    return float(values.std(ddof=1)) if len(values) > 1 else None
