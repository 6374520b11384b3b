"""Group tests: a linear model of each region's figure over participants, and the false discovery rate over regions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from transmodal.errors import UsageError, suggest
from transmodal.evaluation.regions.participants import ParticipantTable
from transmodal.evaluation.statistics.paired_tests import FEWEST

_MISSING = {"", "n/a", "na", "nan", "none", "null"}
_MOST_LEVELS = 8
"""Levels of a column of words: with more, few participants are in each."""

Numbers = NDArray[np.float64]


class GroupModel(NamedTuple):
    """A linear model.

    Attributes:
        tested: column whose effect is tested.
        covariates: columns that the effect is adjusted for.
    """

    tested: str
    covariates: tuple[str, ...] = ()


class TermTest(NamedTuple):
    """The effect of a term on one region.

    Attributes:
        region: its name.
        term: the column, or `column: level against first`.
        n: participants.
        df: degrees of freedom of the residuals.
        estimate: per unit of the column, or the difference from its first level, in the unit of the figure.
        se: standard error.
        low: lower end of the 95 % interval.
        high: upper end.
        t: of the two-sided test.
        p: of it, not corrected.
        q: the same with the false discovery rate over regions controlled (Benjamini and Hochberg).
    """

    region: str
    term: str
    n: int
    df: int
    estimate: float
    se: float
    low: float
    high: float
    t: float
    p: float
    q: float = math.nan


class DesignMatrix(NamedTuple):
    """A design matrix.

    Attributes:
        participants: with every column known, in the order of the rows.
        matrix: `(participants, terms)`, ones first.
        terms: names of the tested columns, by their number in the matrix.
    """

    participants: tuple[str, ...]
    matrix: Numbers
    terms: Mapping[int, str]


def check(model: GroupModel, table: ParticipantTable) -> None:
    """Refuse columns that a table of participants has not, or that stand in a model twice.

    Raises:
        UsageError: E002, E004.
    """
    names = (model.tested, *model.covariates)
    for name in names:
        if name not in table.columns:
            raise UsageError(
                "E002",
                f"the column {name}",
                ", ".join(table.columns) or "a table with columns",
                suggest(name, table.columns, "Name one of them.", cutoff=0.4),
            )
    if len(set(names)) < len(names):
        raise UsageError("E004", f"the columns {', '.join(names)}", "each once", "Leave one out.")


def design(model: GroupModel, table: ParticipantTable, participants: Sequence[str]) -> DesignMatrix:
    """Return the design matrix over the participants of whom every column is known.

    Numbers are centred. A column with words has a term for each level but the first by letter.

    Raises:
        UsageError: E004 for fewer than six participants, a column of one value or of many words, or columns that say the
            same as others.
    """
    names = (model.tested, *model.covariates)
    whole = tuple(name for name in participants if all(_is_known(table, name, column) for column in names))
    if len(whole) < FEWEST:
        raise UsageError(
            "E004",
            f"{len(whole)} participants of whom {' and '.join(names)} are known",
            f"{FEWEST} or more",
            "Leave columns out of the test, or the test itself: the tables are for your own.",
        )
    columns = [np.ones(len(whole))]
    terms: dict[int, str] = {}
    for name in names:
        for term, numbers in _terms(name, [table.rows[participant][name] for participant in whole]):
            if name == model.tested:
                terms[len(columns)] = term
            columns.append(numbers)
    matrix = np.stack(columns, axis=1)
    if np.linalg.matrix_rank(matrix / np.abs(matrix).max(axis=0)) < matrix.shape[1]:
        raise UsageError(
            "E004",
            f"{', '.join(names)}, of which some say the same as others together",
            "columns that differ",
            "Leave one out.",
        )
    return DesignMatrix(whole, matrix, terms)


def by_region(figures: Mapping[str, Mapping[str, float]], model: DesignMatrix) -> list[TermTest]:
    """Test the terms of a design on every region, over the participants who have it.

    Args:
        figures: by region and participant; what is not finite is left out.
        model: the design.

    Returns:
        A row per term and region. Where the participants who have a region are too few, or all alike, figures are NaN.
    """
    tests = []
    for number, term in model.terms.items():
        own = [_test(region, term, values, model, number) for region, values in figures.items()]
        ps = np.array([test.p for test in own])
        qs = np.full(ps.shape, np.nan)
        if np.isfinite(ps).any():
            qs[np.isfinite(ps)] = stats.false_discovery_control(ps[np.isfinite(ps)])
        tests += [test._replace(q=float(q)) for test, q in zip(own, qs, strict=True)]
    return tests


def _test(region: str, term: str, values: Mapping[str, float], model: DesignMatrix, number: int) -> TermTest:
    all_values = np.array([values.get(name, math.nan) for name in model.participants])
    own = np.isfinite(all_values)
    y, x = all_values[own], model.matrix[own]
    n, df = int(own.sum()), int(own.sum()) - x.shape[1]
    no_result = TermTest(region, term, n, max(df, 0), *[math.nan] * 6)
    if n < FEWEST or df < 1 or np.linalg.matrix_rank(x) < x.shape[1]:
        return no_result
    inverse = np.linalg.pinv(x)
    residuals = y - x @ (inverse @ y)
    variance = float(residuals @ residuals) / df
    if variance <= 1e-24 * float(y @ y):
        return no_result
    estimate = float(inverse[number] @ y)
    se = math.sqrt(variance * float(inverse[number] @ inverse[number]))
    half = float(stats.t.ppf(0.975, df)) * se
    p = 2 * float(stats.t.sf(abs(estimate / se), df))
    return TermTest(region, term, n, df, estimate, se, estimate - half, estimate + half, estimate / se, p)


def _terms(name: str, cells: Sequence[str]) -> list[tuple[str, Numbers]]:
    """Return a column as numbers, or as one column of 0 and 1 for each level but the first."""
    levels = sorted(set(cells))
    numbers = _numbers(cells)
    if len(levels) == 1:
        raise UsageError(
            "E004", f"{name}, which is {levels[0]} for all", "a column that varies", "Leave it out."
        )
    if numbers is not None:
        return [(name, numbers - numbers.mean())]
    if len(levels) > _MOST_LEVELS:
        raise UsageError(
            "E004",
            f"{name} with {len(levels)} values that are no numbers",
            f"numbers, or {_MOST_LEVELS} groups at most",
            "Choose another column.",
        )
    return [
        (f"{name}: {level} against {levels[0]}", np.array([cell == level for cell in cells], np.float64))
        for level in levels[1:]
    ]


def _numbers(cells: Sequence[str]) -> Numbers | None:
    try:
        numbers = np.array([float(cell) for cell in cells])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def _is_known(table: ParticipantTable, participant: str, column: str) -> bool:
    return table.rows.get(participant, {}).get(column, "").lower() not in _MISSING
