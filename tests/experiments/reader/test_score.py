from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from reading_sessions import Sitting, guessing, knowing, read_all_items
from transmodal.errors import InputError
from transmodal.experiments.reader.answers import open_answers
from transmodal.experiments.reader.figures import ACCURACY, KAPPA, LESIONS, PREFERRED, SIGHTINGS
from transmodal.experiments.reader.score import score_session
from transmodal.experiments.study import record as records
from transmodal.experiments.study.record import StudyFigure, StudyRecord


def find(record: StudyRecord, row: str, group: str, name: str) -> StudyFigure:
    return next(own for own in record.figures if (own.row, own.group, own.figure) == (row, group, name))


def test_planted_readers_come_back_from_the_files(sitting: Sitting, tmp_path: Path) -> None:
    for reader, answering in (("anna", knowing), ("ben", guessing(3)), ("cleo", guessing(4))):
        read_all_items(sitting.folder, sitting.session, sitting.key, reader, answering)
    record = score_session(sitting.folder, sitting.key_file, tmp_path / "out").record
    for system in ("smooth", "flat"):
        assert find(record, system, "anna", ACCURACY).value == 1
        chance = find(record, system, "ben", ACCURACY)
        assert chance.interval is not None
        assert chance.interval[0] < 0.5 < chance.interval[1]
        assert find(record, f"{system} over real", "anna", PREFERRED).value == 0
    assert find(record, "flat over smooth", "anna", PREFERRED).value == 0
    lesions = {row: find(record, row, "anna", SIGHTINGS) for row in ("real", "smooth", "flat")}
    assert {row: figure.value for row, figure in lesions.items()} == {"real": 1, "smooth": 1, "flat": 0}
    assert all(figure.table == LESIONS for figure in lesions.values())
    assert find(record, "anna, twice", "real or synthetic", KAPPA).value == 1
    assert find(record, "all readers", "real or synthetic", KAPPA).value is not None
    assert records.read(tmp_path / "out") == record
    assert "cannot be ruled out" not in record.findings[0]  # anna knows, two guess


def test_what_is_written_has_page_tables_and_every_answer(sitting: Sitting, tmp_path: Path) -> None:
    for reader in ("anna", "ben"):
        read_all_items(sitting.folder, sitting.session, sitting.key, reader, knowing)
    scored = score_session(sitting.folder, sitting.key_file, tmp_path)
    names = {path.name for path in tmp_path.iterdir() if path != sitting.folder.parent}
    assert names == {
        "study.json",
        "study.html",
        "study.md",
        "figures.csv",
        "answers.csv",
        *(f"reader-{n}.svg" for n in range(1, 5)),
    }
    page = (tmp_path / "study.html").read_text()
    assert "2 readers, as they named themselves." in page
    assert "They are over patients and for these readers" in page
    assert str(sitting.folder.parent) not in page
    table = list(csv.DictReader(io.StringIO((tmp_path / "figures.csv").read_text())))
    assert len(table) == len(scored.record.figures)
    answers = list(csv.DictReader(io.StringIO((tmp_path / "answers.csv").read_text())))
    assert len(answers) == 2 * len(sitting.session.items)
    assert "| system | reader |" in (tmp_path / "study.md").read_text()


def test_a_reader_who_has_not_finished_counts_and_is_named(sitting: Sitting) -> None:
    with open_answers(sitting.folder, sitting.session, "anna") as answers:
        for place in range(6):
            answers.add(place, "real", 1.0)
    record = score_session(sitting.folder, sitting.key_file).record
    assert f"anna: 6 of {len(sitting.session.items)} items answered. PARTIAL." in record.notes
    assert {figure.table for figure in record.figures} == {"Real or synthetic"}


def test_a_session_that_nobody_has_read_is_refused(sitting: Sitting) -> None:
    with pytest.raises(InputError, match="without an answer"):
        score_session(sitting.folder, sitting.key_file)
