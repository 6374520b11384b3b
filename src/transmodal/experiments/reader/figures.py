"""Figures of a reader study: telling real from synthetic, preference, lesions, and how well readings agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from transmodal.evaluation.statistics.association import Estimate
from transmodal.evaluation.statistics.kappa import CategoryAgreement, cohen, fleiss
from transmodal.evaluation.statistics.paired_tests import by_patient, paired
from transmodal.evaluation.statistics.proportions import Proportion, proportion
from transmodal.experiments.reader.rows import EQUAL, AnswerRow
from transmodal.experiments.reader.session import QUESTIONS, REAL
from transmodal.experiments.study.record import StudyFigure

TELLING, PREFERENCE, LESIONS, AGREEMENT = "Real or synthetic", "Which is better", "Lesions", "Agreement"
SENSITIVITY, SPECIFICITY, ACCURACY = "sensitivity", "specificity", "accuracy"
PREFERRED, NO_DIFFERENCE = "preferred", "no difference"
SIGHTINGS, INVENTED, LOST = "seen where one is", "seen where none is", "seen in real minus synthetic"
KAPPA, OBSERVED = "kappa", "same answer"
EVERYBODY = "all readers"
NAMES = {"origin": "real or synthetic", "lesion": "lesion visible", "preference": "which is better"}
"""Questions as tables name them."""

Rows = Sequence[AnswerRow]


def telling_figures(rows: Rows, systems: Iterable[str]) -> list[StudyFigure]:
    """Return how well each reader, and all of them, tell each system's pictures from the real ones.

    Sensitivity is the share of synthetic pictures that are called synthetic, specificity the share of real pictures that
    are called real; accuracy is over both, which are equally many.
    """
    own = [row for row in rows if row.question == "origin" and not row.is_repeat]
    figures = []
    for system in systems:
        for reader, of_reader in _by_reader(own):
            synthetic = [_hit(row, "synthetic") for row in of_reader if row.system == (system,)]
            real = [_hit(row, "real") for row in of_reader if row.system == (REAL,)]
            for name, answers in (
                (SENSITIVITY, synthetic),
                (SPECIFICITY, real),
                (ACCURACY, [*synthetic, *real] if synthetic and real else []),
            ):
                figures.append(_figure(TELLING, system, reader, name, proportion(answers)))
    return figures


def preference_figures(rows: Rows) -> list[StudyFigure]:
    """Return how often the first of two systems is called the better one; of equal ones each has half."""
    own = [row for row in rows if row.question == "preference" and not row.is_repeat]
    pairs = sorted({tuple(sorted(row.system, key=lambda name: (name == REAL, name))) for row in own})
    figures = []
    for first, second in pairs:
        for reader, of_reader in _by_reader(own):
            between = [row for row in of_reader if set(row.system) == {first, second}]
            wins = [(row.patient, {first: 1.0, EQUAL: 0.5}.get(row.answer, 0.0)) for row in between]
            equal = [_hit(row, EQUAL) for row in between]
            name = f"{first} over {second}"
            figures.append(_figure(PREFERENCE, name, reader, PREFERRED, proportion(wins)))
            figures.append(_figure(PREFERENCE, name, reader, NO_DIFFERENCE, proportion(equal)))
    return figures


def lesion_figures(rows: Rows, systems: Iterable[str]) -> list[StudyFigure]:
    """Return how often a lesion is seen where there is one and where there is none, in real and synthetic pictures."""
    own = [row for row in rows if row.question == "lesion" and not row.is_repeat]
    figures = []
    for system in (REAL, *systems):
        for reader, of_reader in _by_reader(own):
            for name, has_lesion in ((SIGHTINGS, True), (INVENTED, False)):
                answers = [
                    _hit(row, "yes")
                    for row in of_reader
                    if row.system == (system,) and row.has_lesion is has_lesion
                ]
                figures.append(_figure(LESIONS, system, reader, name, proportion(answers)))
            if system != REAL:
                figures.append(_lost(of_reader, system, reader))
    return figures


def agreement_figures(rows: Rows) -> list[StudyFigure]:
    """Return the agreement of every two readers, of all where there are three, and of each with the own second answers."""
    figures = []
    for question in QUESTIONS:
        question_rows = [row for row in rows if row.question == question]
        firsts: dict[str, dict[str, AnswerRow]] = {}
        for row in question_rows:
            if not row.is_repeat:
                firsts.setdefault(row.reader, {})[row.item] = row
        for reader, second in sorted({(row.reader, f"{row.reader}, twice") for row in question_rows}):
            twice = [
                (row.patient, firsts.get(reader, {})[row.item].answer, row.answer)
                for row in question_rows
                if row.reader == reader and row.is_repeat and row.item in firsts.get(reader, {})
            ]
            if twice:
                figures += _agreement(second, NAMES[question], cohen(twice))
        figures += _between(firsts, NAMES[question])
    return figures


def _between(firsts: dict[str, dict[str, AnswerRow]], question: str) -> list[StudyFigure]:
    figures: list[StudyFigure] = []
    for first, second in combinations(sorted(firsts), 2):
        shared = [
            (row.patient, row.answer, firsts[second][item].answer)
            for item, row in firsts[first].items()
            if item in firsts[second]
        ]
        if shared:
            figures += _agreement(f"{first} and {second}", question, cohen(shared))
    if len(firsts) > 2:
        everyone = list(firsts.values())
        items = [item for item in everyone[0] if all(item in own for own in everyone)]
        readings = [(everyone[0][item].patient, [own[item].answer for own in everyone]) for item in items]
        if readings:
            figures += _agreement(EVERYBODY, question, fleiss(readings))
    return figures


def _by_reader(rows: Rows) -> list[tuple[str, Rows]]:
    """Return the rows of every reader, and of all where they are several."""
    names = sorted({row.reader for row in rows})
    parts: list[tuple[str, Rows]] = [(name, [row for row in rows if row.reader == name]) for name in names]
    return [(EVERYBODY, rows), *parts] if len(names) > 1 else parts


def _hit(row: AnswerRow, word: str) -> tuple[str, float]:
    return row.patient, float(row.answer == word)


def _lost(rows: Rows, system: str, reader: str) -> StudyFigure:
    """Return the share of lesions seen in real minus that in synthetic pictures, paired by patient."""
    means = [
        by_patient(_hit(row, "yes") for row in rows if row.system == (name,) and row.has_lesion)
        for name in (REAL, system)
    ]
    patients = [patient for patient in means[0] if patient in means[1]]
    if not patients:
        return _figure(LESIONS, system, reader, LOST, Proportion(None, 0, 0, None))
    real, synthetic = (np.array([own[patient] for patient in patients]) for own in means)
    difference = paired(real, synthetic)
    is_flat = np.ptp(real - synthetic) == 0  # alike in all patients: resampling them says nothing
    return StudyFigure(
        table=LESIONS,
        row=system,
        group=reader,
        figure=LOST,
        value=difference.mean,
        interval=None if is_flat else difference.interval,
        n=len(patients),
    )


def _agreement(row: str, question: str, agreement: CategoryAgreement) -> list[StudyFigure]:
    kappa: Estimate = agreement.kappa
    return [
        StudyFigure(
            table=AGREEMENT,
            row=row,
            group=question,
            figure=KAPPA,
            value=kappa.value,
            interval=kappa.interval,
            n=agreement.items,
            note="" if kappa.value is not None else "all answers are one",
        ),
        _figure(AGREEMENT, row, question, OBSERVED, agreement.observed),
    ]


def _figure(table: str, row: str, group: str, name: str, share: Proportion) -> StudyFigure:
    return StudyFigure(
        table=table,
        row=row,
        group=group,
        figure=name,
        value=share.share,
        interval=share.interval,
        n=share.answers,
        note="" if share.share is not None else "no answer",
    )
