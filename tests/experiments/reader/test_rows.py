from __future__ import annotations

import csv
import io

from reading_sessions import Sitting, knowing, read_all_items
from transmodal.experiments.reader.answers import read_all
from transmodal.experiments.reader.rows import answer_rows, rows_csv


def test_answers_stand_beside_the_truth(sitting: Sitting) -> None:
    read_all_items(sitting.folder, sitting.session, sitting.key, "anna", knowing)
    rows = answer_rows(sitting.session, sitting.key, read_all(sitting.folder, sitting.session))
    assert len(rows) == len(sitting.session.items)
    assert sum(row.is_repeat for row in rows) == len(sitting.key.repeats)
    for row in rows:
        if row.question == "origin":
            assert (row.answer == "real") == (row.system == ("real",))
        if row.question == "preference":
            assert row.answer == min(row.system, key=("real", "smooth", "flat").index)
    firsts = {(row.item) for row in rows if not row.is_repeat}
    assert {row.item for row in rows if row.is_repeat} <= firsts
    table = list(csv.DictReader(io.StringIO(rows_csv(rows))))
    assert len(table) == len(rows)
    assert {line["has_lesion"] for line in table} == {"0", "1"}
    assert {line["reader"] for line in table} == {"anna"}
    pair = next(line for line in table if line["question"] == "preference")
    assert len(pair["system"].split(" | ")) == 2
