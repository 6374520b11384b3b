"""`transmodal merge`: cohorts become one, with their sides or another split."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from transmodal import cli
from transmodal.cohorts.store import Cohort


def test_sides_are_kept_unless_another_split_is_named(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree("cohort", "again")
    assert cli.run(["merge", "cohort", "again", "-o", "same", "--workers", "1"]) == 0
    assert "6 cases of 2 cohorts" in capsys.readouterr().out
    before, after = (Cohort.open(Path(name)) for name in ("cohort", "same"))
    assert [after.split.ids(side) for side in ("train", "test")] == [
        before.split.ids(side) for side in ("train", "test")
    ]
    assert cli.run(["merge", "cohort", "again", "-o", "both", "--counts", "4:1:1", "--workers", "1"]) == 0
    assert "6 cases of 2 cohorts; 4 train, 1 validation, 1 test" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("merge cohort", "--output"),
        ("merge cohort -o both", "one"),
        ("merge cohort cohort -o both --counts 1:2", "'1:2'"),
        ("merge cohort cohort -o both --copies some", "--copies some"),
        ("merge cohort cohort -o both --fold 5", "--fold 5"),
        ("merge cohort cohort -o both --workers 0", "--workers"),
    ],
)
def test_refusals(words: str, part: str, folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(words.split()) in (2, 3)
    error = capsys.readouterr().err
    assert error.startswith("error[E")
    assert part in error
    assert not Path("both").exists()
