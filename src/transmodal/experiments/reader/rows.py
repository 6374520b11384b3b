"""Answers beside the truth: one row each, as they are counted and exported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from transmodal.evaluation.drawing.tables import csv_table
from transmodal.experiments.reader.answers import ReaderAnswers
from transmodal.experiments.reader.session import QuestionName, ReaderKey, ReaderSession

EQUAL = "equal"
"""Answer of a reader who sees no difference between two pictures."""


class AnswerRow(NamedTuple):
    """One answer and the truth of its pictures.

    Attributes:
        reader: name.
        question: that was asked.
        item: name of the item that was shown, of a repeat the one that it repeats.
        is_repeat: whether it was shown for the second time.
        case: that is shown.
        patient: whose case it is.
        slice: that is shown.
        system: of the picture; of two, the left one's and the right one's.
        has_lesion: whether a lesion lies in the slice; None where nobody looked.
        answer: `real`, `synthetic`, `yes`, `no`; of two pictures the better one's system, or `equal`.
        seconds: from the picture's appearance to the key.
    """

    reader: str
    question: QuestionName
    item: str
    is_repeat: bool
    case: str
    patient: str
    slice: int
    system: tuple[str, ...]
    has_lesion: bool | None
    answer: str
    seconds: float


def answer_rows(session: ReaderSession, key: ReaderKey, readers: Iterable[ReaderAnswers]) -> list[AnswerRow]:
    """Return the rows of all readers, in the order in which they answered.

    Args:
        session: that was read.
        key: of it.
        readers: their answers.
    """
    rows = []
    for reader in readers:
        for _, answer in sorted(reader.answers.items()):
            item = session.items[answer.item]
            truths = [key.pictures[name] for name in item.pictures]
            systems = tuple(truth.system for truth in truths)
            sides = {"left": systems[0], "right": systems[-1]}
            rows.append(
                AnswerRow(
                    reader.reader,
                    item.question,
                    key.repeats.get(answer.item, answer.item),
                    answer.item in key.repeats,
                    truths[0].case,
                    truths[0].patient,
                    truths[0].slice,
                    systems,
                    truths[0].has_lesion,
                    sides.get(answer.word, answer.word),
                    answer.seconds,
                )
            )
    return rows


def rows_csv(rows: Sequence[AnswerRow]) -> str:
    """Return the rows as CSV; an empty field stands for nothing."""
    return csv_table(
        [
            {
                **row._asdict(),
                "is_repeat": int(row.is_repeat),
                "system": " | ".join(row.system),
                "has_lesion": "" if row.has_lesion is None else int(row.has_lesion),
            }
            for row in rows
        ]
    )
