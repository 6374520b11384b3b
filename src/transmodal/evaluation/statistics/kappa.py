"""Agreement on categories beyond chance: Cohen's kappa of two readings, Fleiss' of several, intervals over patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from transmodal.evaluation.statistics.association import RESAMPLES, Estimate, estimate
from transmodal.evaluation.statistics.bootstrap import SEED, Values
from transmodal.evaluation.statistics.proportions import Proportion, proportion


class CategoryAgreement(NamedTuple):
    """How well readings of the same items agree.

    Attributes:
        kappa: 1 where they agree always, 0 where as often as chance would have it; None where all answers are one.
        observed: share of pairs of readings that agree, with Wilson's interval.
        items: that were read.
        patients: that they are of.
    """

    kappa: Estimate
    observed: Proportion
    items: int
    patients: int


class _Counts(NamedTuple):
    """Sums over items, `(patients,)` or `(patients, categories)`: shares of pairs that agree, items, and answers by column."""

    agreeing: Values
    items: Values
    answers: tuple[Values, ...]


def cohen(readings: Sequence[tuple[str, str, str]]) -> CategoryAgreement:
    """Return Cohen's kappa of two readings (Cohen 1960, Educ Psychol Meas 20, 37).

    Args:
        readings: patient, first and second answer of every item.
    """
    return _agreement([(patient, (first, second)) for patient, first, second in readings], has_columns=True)


def fleiss(readings: Sequence[tuple[str, Sequence[str]]]) -> CategoryAgreement:
    """Return Fleiss' kappa of several readers who may be any (Fleiss 1971, Psychol Bull 76, 378).

    Args:
        readings: patient and the answers of all readers, of every item; equally many, two or more.
    """
    return _agreement([(patient, tuple(answers)) for patient, answers in readings], has_columns=False)


def _agreement(readings: Sequence[tuple[str, tuple[str, ...]]], *, has_columns: bool) -> CategoryAgreement:
    observed = proportion([(patient, _agreeing(answers)) for patient, answers in readings])
    if not readings:
        return CategoryAgreement(Estimate(None), observed, 0, 0)
    counts = _count(readings, has_columns=has_columns)
    patients = observed.patients
    times = np.random.default_rng(SEED).multinomial(patients, np.full(patients, 1 / patients), RESAMPLES)
    kappa = float(_kappa(counts, np.ones((1, patients)))[0])
    resampled = _kappa(counts, times.astype(float))
    # Resamples that are all alike, as where all agree always, say nothing of what other patients would show.
    is_flat = np.isfinite(kappa) and np.nanmax(np.abs(resampled - kappa), initial=0) < 1e-12
    of_kappa = Estimate(kappa) if is_flat else estimate(kappa, resampled, patients)
    return CategoryAgreement(of_kappa, observed, len(readings), patients)


def _agreeing(answers: Sequence[str]) -> float:
    """Return the share of pairs of answers that agree."""
    n = len(answers)
    alike = sum(answers.count(answer) * (answers.count(answer) - 1) for answer in set(answers))
    return alike / (n * (n - 1))


def _count(readings: Sequence[tuple[str, tuple[str, ...]]], *, has_columns: bool) -> _Counts:
    """Sum over the items of every patient; each reading has a column of its own, or all share one."""
    patients = {patient: n for n, patient in enumerate(dict.fromkeys(patient for patient, _ in readings))}
    words = sorted({answer for _, answers in readings for answer in answers})
    table = np.zeros((len(readings[0][1]), len(patients), len(words)))
    agreeing, items = np.zeros(len(patients)), np.zeros(len(patients))
    for patient, answers in readings:
        row = patients[patient]
        for column, answer in enumerate(answers):
            table[column, row, words.index(answer)] += 1
        agreeing[row] += _agreeing(answers)
        items[row] += 1
    return _Counts(agreeing, items, tuple(table) if has_columns else (table.sum(axis=0),))


def _kappa(counts: _Counts, times: Values) -> Values:
    """Return kappa of every resample, NaN where all answers are one; `times` is `(resamples, patients)`."""
    observed = (times @ counts.agreeing) / (times @ counts.items)
    shares = [times @ column for column in counts.answers]
    shares = [share / share.sum(axis=-1, keepdims=True) for share in shares]
    chance = (shares[0] * shares[-1]).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa: Values = np.where(chance < 1 - 1e-12, (observed - chance) / (1 - chance), np.nan)
    return kappa
