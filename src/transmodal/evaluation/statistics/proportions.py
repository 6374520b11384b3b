"""Shares of answers over patients: Wilson's interval, with as many answers as those of one patient are worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from transmodal.evaluation.statistics.bootstrap import CONFIDENCE, Interval, Values
from transmodal.evaluation.statistics.paired_tests import FEWEST


class Proportion(NamedTuple):
    """A share of answers.

    Attributes:
        share: 0 to 1; None without answers.
        answers: how many there are.
        patients: that they are about.
        interval: 95 %; None below six patients.
    """

    share: float | None
    answers: int
    patients: int
    interval: Interval | None


def wilson(share: float, n: float) -> Interval:
    """Return Wilson's 95 % interval of a share (Wilson 1927, JASA 22, 209).

    Args:
        share: 0 to 1.
        n: independent answers; clustered ones are worth fewer, and need not be whole.
    """
    z = float(stats.norm.ppf((1 + CONFIDENCE) / 2))
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return Interval(max(0.0, centre - reach), min(1.0, centre + reach))


def proportion(answers: Sequence[tuple[str, float]]) -> Proportion:
    """Return a share of answers with its interval over patients.

    Answers about one patient resemble one another; the interval is Wilson's of the number of independent answers that vary as
    much (Korn and Graubard 1998, Surv Methodol 24, 193). It is the number of patients, or fewer where some have most of the
    answers, where nothing can be said of how they vary: all answers are alike.

    Args:
        answers: patient and value, 0 to 1, of each.
    """
    if not answers:
        return Proportion(None, 0, 0, None)
    place = {patient: n for n, patient in enumerate(dict.fromkeys(patient for patient, _ in answers))}
    sums, counts = np.zeros(len(place)), np.zeros(len(place))
    for patient, value in answers:
        sums[place[patient]] += value
        counts[place[patient]] += 1
    share = float(sums.sum() / counts.sum())
    interval = wilson(share, effective(sums, counts)) if len(place) >= FEWEST else None
    return Proportion(share, len(answers), len(place), interval)


def effective(sums: Values, counts: Values) -> float:
    """Return how many independent answers are worth those of several patients.

    Args:
        sums: of every patient's values, `(patients,)`, two or more.
        counts: of every patient's answers.
    """
    n, k = float(counts.sum()), len(counts)
    fewest = n**2 / float((counts**2).sum())  # where all answers about a patient are one
    share = float(sums.sum()) / n
    variance = k / (k - 1) * float(((sums - share * counts) ** 2).sum()) / n**2
    if variance <= 0:
        return fewest
    level = (1 + CONFIDENCE) / 2
    fewer = float(stats.norm.ppf(level) / stats.t.ppf(level, k - 1)) ** 2  # the variance is of few patients
    return min(n, max(fewest, fewer * share * (1 - share) / variance))
