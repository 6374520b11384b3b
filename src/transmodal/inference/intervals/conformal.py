"""Split-conformal quantiles whose unit is the subject.

n calibration subjects and a new one are exchangeable: the new one is as likely to err most as any other. A quantity of which
each subject has one value is covered with probability `level` by the rank `level * (n + 1)` among those of the n (Lei et al.,
JASA 2018). Of voxels a subject has many, which are no evidence of one another: every subject weighs 1 / (n + 1) however many it
has, the new one stands at infinity, and a voxel of it, drawn at random, is covered with probability `level` (Lee, Barber and
Willett, Distribution-free inference with hierarchical data, 2023). With n subjects no level above n / (n + 1) can be promised.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

STEPS = 1000
"""Shares of voxels that a table tells apart; in between the larger score counts, which covers more."""

_ROUNDING = 1e-9


def highest_level(n_subjects: int) -> float:
    """Return the highest level that so many subjects can promise."""
    return n_subjects / (n_subjects + 1)


def subjects_for(level: float) -> int:
    """Return the fewest subjects that can promise a level between 0 and 1: 19 for 0.95."""
    return max(1, math.ceil(level / (1 - level) - _ROUNDING))


def of_ranks(scores: Sequence[float], level: float) -> float | None:
    """Return the score that a new subject's does not exceed with probability `level`; None where there are too few.

    Args:
        scores: one for each subject.
        level: between 0 and 1.
    """
    rank = math.ceil(level * (len(scores) + 1) - _ROUNDING)
    return sorted(scores)[rank - 1] if 1 <= rank <= len(scores) else None


class ScoreTable(NamedTuple):
    """The scores of the voxels of several subjects, each of whom weighs the same.

    Attributes:
        n_subjects: that were pooled.
        scores: the k-th, from 1, is the least that a share k / `STEPS` of the pool does not exceed; infinite where voxels
            are beyond any interval.
    """

    n_subjects: int
    scores: tuple[float, ...]

    def at(self, level: float) -> float | None:
        """Return the score that a voxel of a new subject does not exceed with probability `level`.

        None comes back where there are too few subjects, or too many voxels beyond any interval.
        """
        share = level * (self.n_subjects + 1) / self.n_subjects
        step = math.ceil(share * len(self.scores) - _ROUNDING)
        score = self.scores[step - 1] if 1 <= step <= len(self.scores) else math.inf
        return score if math.isfinite(score) else None


class CondensedScores(NamedTuple):
    """The scores of one subject, condensed: each stands for some that are no larger.

    Attributes:
        scores: ascending.
        weights: of each; they sum to 1.
    """

    scores: Scores
    weights: Scores


def condense(scores: NDArray[Any]) -> CondensedScores:
    """Return a case's scores as at most `STEPS`, each the largest of its part of them."""
    ordered = np.sort(np.asarray(scores, np.float64), axis=None)
    ends = np.rint(np.linspace(0, ordered.size, min(ordered.size, STEPS) + 1)).astype(int)
    return CondensedScores(ordered[ends[1:] - 1], np.diff(ends) / ordered.size)


def average(cases: Sequence[CondensedScores]) -> CondensedScores:
    """Return the scores of a subject with several cases, each of which weighs the same."""
    return _merge(cases, [1 / len(cases)] * len(cases))


def pool(subjects: Iterable[CondensedScores]) -> ScoreTable:
    """Return the table of several subjects' scores, one or more."""
    listed = list(subjects)
    merged = _merge(listed, [1 / len(listed)] * len(listed))
    shares = np.cumsum(merged.weights)
    levels = np.arange(1, STEPS + 1) / STEPS
    places = np.minimum(np.searchsorted(shares, levels - _ROUNDING), len(shares) - 1)
    return ScoreTable(len(listed), tuple(merged.scores[places].tolist()))


def _merge(parts: Sequence[CondensedScores], shares: Sequence[float]) -> CondensedScores:
    scores = np.concatenate([part.scores for part in parts])
    weights = np.concatenate([part.weights * share for part, share in zip(parts, shares, strict=True)])
    order = np.argsort(scores, kind="stable")
    return CondensedScores(scores[order], weights[order])
