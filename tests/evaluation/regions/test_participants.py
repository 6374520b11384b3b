from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.errors import InputError
from transmodal.evaluation.regions import participants


def test_rows_by_participant_with_their_meaning(group: Path) -> None:
    known = participants.read(group / "participants.tsv", ["sub-0"])
    assert known.columns == ("age", "sex")
    assert known.rows["sub-1"]["sex"] == "M"
    assert known.meanings == {"age": {"Description": "Age.", "Units": "year"}}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("name\tage\nx\t3\n", "one of participant_id"),
        ("participant_id\tage\nsub-0\t3\n0\t4\n", "two rows of sub-0"),
        ("participant_id\tage\nsub-5\t3\n", "without sub-0 and 1 more"),
    ],
)
def test_tables_that_do_not_fit_are_refused(tmp_path: Path, text: str, part: str) -> None:
    (tmp_path / "p.tsv").write_text(text)
    with pytest.raises(InputError, match=part):
        participants.read(tmp_path / "p.tsv", ["sub-0", "sub-1"])
