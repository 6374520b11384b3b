"""Keys of pseudonymous cohorts: apart from the cohort, never replaced, for their owner alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.cohorts.prepare import key_file
from transmodal.errors import UsageError

ROWS = [{"case": "c1", "patient": "Müller, Jane"}, {"case": "c2", "patient": "Doe"}]


def test_a_key_is_a_table_for_its_owner_alone(tmp_path: Path) -> None:
    key_file.write(ROWS, tmp_path / "key.csv", tmp_path / "cohort")
    text = (tmp_path / "key.csv").read_text(encoding="utf-8")
    assert text == 'case,patient\nc1,"Müller, Jane"\nc2,Doe\n'
    assert (tmp_path / "key.csv").stat().st_mode & 0o777 == 0o600


def test_a_key_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "key.csv").write_text("before")
    with pytest.raises(UsageError, match="exists") as refused:
        key_file.write(ROWS, tmp_path / "key.csv")
    assert refused.value.code == "E005"
    assert (tmp_path / "key.csv").read_text() == "before"


def test_a_key_does_not_lie_in_the_cohort(tmp_path: Path) -> None:
    (tmp_path / "cohort").mkdir()
    (tmp_path / "link").symlink_to("cohort")
    for place in (tmp_path / "cohort" / "key.csv", tmp_path / "link" / "sub" / "key.csv"):
        with pytest.raises(UsageError, match="in the cohort"):
            key_file.write(ROWS, place, tmp_path / "cohort")
