"""`transmodal resplit`: another split of a prepared cohort, by shares, counts, folds or a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from transmodal import cli
from transmodal.cohorts.store import Cohort


def test_another_folder_gets_the_split_and_shares_the_arrays(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Cohort.open(Path("cohort")).digest()
    assert (
        cli.run(["resplit", "cohort", "--counts", "4:1:1", "--seed", "3", "-o", "again", "--workers", "1"])
        == 0
    )
    assert capsys.readouterr().out == "again: 4 train, 1 validation, 1 test\n"
    assert Cohort.open(Path("cohort")).digest() == before
    assert len(Cohort.open(Path("again")).cases()) == 6


def test_a_split_file_gives_the_sides(folders: Path) -> None:
    sides = {"train": ["sub3", "sub4", "sub5"], "validation": ["sub2"], "test": ["sub0", "sub1"]}
    content = json.loads(Path("cohort/split.json").read_text())
    Path("mine.json").write_text(json.dumps({**content, **sides}))
    assert cli.run(["resplit", "cohort", "--split", "mine.json", "-o", "again", "--workers", "1"]) == 0
    split = Cohort.open(Path("again")).split
    assert {side: sorted(split.ids(side)) for side in sides} == sides


def test_runs_of_the_former_split_are_named(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["resplit", "cohort", "--counts", "1:1:4", "--runs", ".", "--workers", "1"]) == 0
    shown = capsys.readouterr().out
    assert "cohort: 1 train, 1 validation, 4 test" in shown
    assert "run was trained on" in shown


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("resplit", "'cohort'"),
        ("resplit gone --split 7:1:2", "gone"),
        ("resplit cohort --split 7:1", "'7:1'"),
        ("resplit cohort --split gone.json", "gone.json"),
        ("resplit cohort --fold 0-5", "--fold 0-5"),
        ("resplit cohort --copies some", "--copies some"),
    ],
)
def test_refusals(words: str, part: str, folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("cohort/split.json").read_bytes()
    assert cli.run(words.split()) in (2, 3)
    error = capsys.readouterr().err
    assert error.startswith("error[E")
    assert part in error
    assert Path("cohort/split.json").read_bytes() == before
