"""Count the answers of a reading session: a record with tables and intervals, its page, and every answer as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from transmodal._version import __version__
from transmodal.counts import counted
from transmodal.errors import InputError
from transmodal.evaluation.drawing.tables import csv_table
from transmodal.experiments.reader import figures as measures
from transmodal.experiments.reader.answers import ReaderAnswers, read_all
from transmodal.experiments.reader.rows import AnswerRow, answer_rows, rows_csv
from transmodal.experiments.reader.session import SESSION, ReaderKey, ReaderSession, read_key, read_session
from transmodal.experiments.record import commit
from transmodal.experiments.study import markdown, page
from transmodal.experiments.study import record as records
from transmodal.experiments.study.record import StudyChart, StudyFigure, StudyRecord, StudyTable
from transmodal.notice import INTENDED_USE
from transmodal.storage import files, outputs

NAME = "reader"
ABOUT = (
    "Can people tell synthetic pictures from real ones, which do they prefer, and what do they see in them?"
)
READING = (
    "An accuracy of 0.5 is guessing: where its interval holds 0.5 these readers could not be shown to tell the two apart, which "
    "is no proof that nobody can. Realism is not truth: a picture can pass for real and lack the lesion that is there, which is "
    "what the table of lesions asks. Readers who call everything synthetic have a sensitivity of 1 and a specificity of 0. "
    "Kappa is 1 where two readings agree always and 0 where chance would have them agree as often."
)
METHOD = (
    "The unit is the patient: intervals of shares are Wilson's, of as many answers as those of one patient are worth; intervals "
    "of kappa and of differences are a bootstrap over patients, all answers of a patient drawn together. They are over patients "
    "and for these readers, not for all readers. Second answers to repeated items count for agreement alone. n counts answers, "
    "of kappa items, of differences patients."
)
TABLES = (
    StudyTable(
        name=measures.TELLING,
        caption="Sensitivity: synthetic pictures that are called synthetic. Specificity: real pictures that are called real. "
        "Accuracy: of both together. 0.5 is guessing. 95 % intervals.",
        row_heading="system",
        group_heading="reader",
    ),
    StudyTable(
        name=measures.PREFERENCE,
        caption="How often the first of the two is called the better one; where no difference is seen each has half. 0.5 is no "
        "preference. 95 % intervals.",
        row_heading="comparison",
        group_heading="reader",
    ),
    StudyTable(
        name=measures.LESIONS,
        caption="How often a lesion is seen in slices that have one and in slices that have none, and how much more often in the "
        "real picture than in the synthetic one of the same slice. 95 % intervals.",
        row_heading="pictures",
        group_heading="reader",
    ),
    StudyTable(
        name=measures.AGREEMENT,
        caption="Cohen's kappa of two readers, and of each reader's first and second answers to repeated items; Fleiss' kappa of "
        "all readers. 95 % intervals.",
        row_heading="readings",
        group_heading="question",
    ),
)
_CHARTS = (
    (
        measures.TELLING,
        measures.ACCURACY,
        "Accuracy of telling real from synthetic; the line is guessing",
        0.5,
    ),
    (
        measures.PREFERENCE,
        measures.PREFERRED,
        "How often the first is preferred; the line is no preference",
        0.5,
    ),
    (measures.LESIONS, measures.SIGHTINGS, "How often a lesion is seen where there is one", None),
    (measures.AGREEMENT, measures.KAPPA, "Kappa; the line is chance", 0.0),
)


class ScoredSession(NamedTuple):
    """A session that was counted: its record, and every answer beside the truth."""

    record: StudyRecord
    rows: tuple[AnswerRow, ...]


def score_session(folder: Path, key: Path, output: Path | None = None) -> ScoredSession:
    """Count the answers of all readers of a session.

    Args:
        folder: of the session.
        key: of the session.
        output: folder to write `study.json`, `study.html`, `study.md`, charts, `figures.csv` and `answers.csv` into; None
            writes nothing.

    Raises:
        InputError: E132 where nobody has answered, and as `session.read_session` and `answers.read_answers`.
        IntegrityError: E501 where session, key and answers are not of one another.
        UsageError, ResourceError: E005 and E403 where nothing can be written.
    """
    if output is not None:
        outputs.check_folder(output)
    session = read_session(folder)
    truth = read_key(key, session)
    readers = read_all(folder, session)
    rows = answer_rows(session, truth, readers)
    if not rows:
        raise InputError(
            "E132",
            f"{folder} without an answer",
            "one reader or more",
            f"Read it: transmodal reader read {folder} --name NAME.",
        )
    scored = ScoredSession(_record(session, truth, readers, rows), tuple(rows))
    if output is not None:
        write(scored, output)
    return scored


def write(scored: ScoredSession, folder: Path) -> None:
    """Write a counted session into a folder.

    Raises:
        UsageError, ResourceError: as `storage.files.atomic_path`.
    """
    record = scored.record
    with outputs.os_errors():
        folder.mkdir(parents=True, exist_ok=True)
    texts = {
        **markdown.charts(record),
        "study.html": page.page(record),
        "study.md": f"{markdown.tables(record)}\n",
        "figures.csv": figures_csv(record),
        "answers.csv": rows_csv(scored.rows),
    }
    for name, text in texts.items():
        with files.atomic_path(folder / name) as beside:
            beside.write_text(text, encoding="utf-8")
    records.write(record, folder / records.NAME)


def figures_csv(record: StudyRecord) -> str:
    """Return one line per figure with every number; an empty field stands for nothing."""
    rows: list[dict[str, object]] = []
    for figure in record.figures:
        low, high = figure.interval or (None, None)
        rows.append(
            {
                "table": figure.table,
                "row": figure.row,
                "group": figure.group,
                "figure": figure.figure,
                "value": figure.value,
                "low": low,
                "high": high,
                "n": figure.n,
                "note": figure.note,
            }
        )
    return csv_table(rows)


def _record(
    session: ReaderSession, key: ReaderKey, readers: Sequence[ReaderAnswers], rows: Sequence[AnswerRow]
) -> StudyRecord:
    systems = [system.name for system in key.systems]
    questions = {row.question for row in rows}
    figures = (
        *(measures.telling_figures(rows, systems) if "origin" in questions else ()),
        *measures.preference_figures(rows),
        *(measures.lesion_figures(rows, systems) if "lesion" in questions else ()),
        *measures.agreement_figures(rows),
    )
    columns = {(figure.table, figure.figure) for figure in figures if figure.value is not None}
    return StudyRecord(
        study=NAME,
        about=ABOUT,
        reading=READING,
        intended_use=INTENDED_USE,
        tool_version=__version__,
        commit=commit(),
        cohort=key.cohort,
        split=key.split,
        options={
            "target": key.target,
            "session": session.id,
            "readers": len(readers),
            "items": len(session.items),
            "systems": {system.name: system.weights_sha256 for system in key.systems},
        },
        protocol=f"{key.protocol} {METHOD}",
        findings=tuple(_sentences(figures)),
        figures=figures,
        tables=tuple(table for table in TABLES if any(table.name == name for name, _ in columns)),
        charts=tuple(
            StudyChart(table=table, figure=name, caption=caption, reference=reference)
            for table, name, caption, reference in _CHARTS
            if (table, name) in columns
        ),
        notes=tuple(_notes(session, readers)),
        command=f"transmodal reader score {SESSION}",
    )


def _notes(session: ReaderSession, readers: Sequence[ReaderAnswers]) -> list[str]:
    """Return who has answered how much."""
    total = len(session.items)
    lines = [
        f"{reader.reader}: {len(reader.answers)} of {counted(total, 'item')} answered."
        + ("" if len(reader.answers) == total else " PARTIAL.")
        for reader in readers
    ]
    return [f"{counted(len(readers), 'reader')}, as they named themselves.", *lines]


def _sentences(figures: Sequence[StudyFigure]) -> list[str]:
    """Return in words what all readers together, or the only one, saw."""
    first_figures: dict[tuple[str, str, str], StudyFigure] = {}
    for figure in figures:
        first_figures.setdefault((figure.table, figure.row, figure.figure), figure)
    lines = []
    for (table, row, name), figure in first_figures.items():
        if figure.value is None:
            continue
        if (table, name) == (measures.TELLING, measures.ACCURACY):
            lines.append(
                f"{row}: told from real with an accuracy of {_number(figure)}{_against(figure, 'guessing')}."
            )
        elif (table, name) == (measures.PREFERENCE, measures.PREFERRED):
            lines.append(f"{row}: preferred in {_number(figure)}{_against(figure, 'no preference')}.")
        elif (table, name) == (measures.LESIONS, measures.SIGHTINGS):
            lines.append(f"Lesions in {row} pictures: seen in {_number(figure)} of the slices that have one.")
    return lines


def _number(figure: StudyFigure) -> str:
    ends = "" if figure.interval is None else f" ({figure.interval[0]:.2f} to {figure.interval[1]:.2f})"
    return f"{figure.value:.2f}{ends}"


def _against(figure: StudyFigure, null_hypothesis: str) -> str:
    """Return whether the interval leaves out one half."""
    if figure.interval is None:
        return ", from too few patients for an interval"
    low, high = figure.interval
    return (
        f"; {null_hypothesis}, 0.5, cannot be ruled out"
        if low <= 0.5 <= high
        else f"; {null_hypothesis} is 0.5"
    )
