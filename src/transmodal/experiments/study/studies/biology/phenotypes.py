"""Prediction of a phenotype from regional values: can a study of synthetic images find what one of measured images finds?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from transmodal.errors import InputError
from transmodal.evaluation.external.phenotypes import read_numbers
from transmodal.evaluation.statistics.association import Estimate
from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.evaluation.statistics.paired_tests import FEWEST, too_few
from transmodal.evaluation.statistics.prediction import Prediction, predict
from transmodal.experiments.study.record import StudyFigure, StudyTable
from transmodal.experiments.study.studies.biology.values import Regional

NAME = "Prediction of a phenotype"
MEASURED = "measured"
R, EXPLAINED = "r, out of fold", "variance explained"
LINKED, OWN = "mean signal that the source shows", "mean signal of the target alone"
TABLE = StudyTable(
    name=NAME,
    caption="One number per person, predicted from the regional means by ridge regression in nested cross-validation (every "
    "person is predicted by a model that did not see them). If synthetic images predict it as well as measured ones, a study "
    "could use them. p of 99 shuffles of the phenotype; without any relation r lies about 0.2 below 0. Variance explained below 0 says that the mean would do better.",
    group_heading="phenotype",
)


class PhenotypeTable(NamedTuple):
    """Figures, the correlations and their p-values by row and phenotype, and why there are none."""

    figures: tuple[StudyFigure, ...]
    r: Mapping[tuple[str, str], Estimate]
    p: Mapping[tuple[str, str], float]
    reason: str = ""


def take_phenotypes(rows: Mapping[str, Regional], table: Path | None, column: str) -> PhenotypeTable:
    """Return how well a phenotype is predicted from measured and from synthetic regional values.

    Without a table the phenotypes are the subjects' mean planted signals, where they are known.

    Args:
        rows: values of every translator.
        table: with a column of patients; None without one.
        column: of the table.

    Raises:
        InputError, UsageError: as `external.phenotypes.read_numbers`; E132 where the column has one value only.
    """
    first = next(iter(rows.values()))
    if len(first.patients) < FEWEST:
        return PhenotypeTable((), {}, {}, too_few(len(first.patients)))
    phenotypes = _scores(first) if table is None else {column: read_numbers(table, column, first.patients)}
    if not phenotypes:
        return PhenotypeTable((), {}, {}, "neither a table with --phenotypes nor planted signals")
    figures: list[StudyFigure] = []
    correlations, p_values = {}, {}
    for name, truth in phenotypes.items():
        inside = np.isfinite(truth)
        if inside.sum() < FEWEST or np.ptp(truth[inside]) == 0:
            raise InputError(
                "E132",
                f"{name} with {inside.sum()} numbers, {len(np.unique(truth[inside]))} of them different",
                f"numbers of {FEWEST} patients or more that differ",
                "Choose another column with --option phenotype=COLUMN.",
            )
        features = {MEASURED: first.measured[None], **{row: part.synthetic for row, part in rows.items()}}
        for row, values in features.items():
            prediction = predict(values[:, inside], truth[inside])
            correlations[row, name], p_values[row, name] = prediction.r, prediction.p
            figures += _figures(row, name, prediction, int(inside.sum()))
    return PhenotypeTable(tuple(figures), correlations, p_values)


def _scores(values: Regional) -> dict[str, Values]:
    """Return the mean planted signals of every subject."""
    signals = {LINKED: values.linked, OWN: values.own}
    return {name: signal.mean(axis=1) for name, signal in signals.items() if signal is not None}


def _figures(row: str, group: str, prediction: Prediction, n: int) -> list[StudyFigure]:
    r, explained = prediction.r, prediction.explained
    note = "" if r.value is not None else "does not vary"
    return [
        StudyFigure(
            table=NAME,
            row=row,
            group=group,
            figure=R,
            value=r.value,
            interval=r.interval,
            n=n,
            p=None if r.value is None else prediction.p,
            note=note,
        ),
        StudyFigure(table=NAME, row=row, group=group, figure=EXPLAINED, value=explained, n=n),
    ]
