from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.prepare.division import Division, divide, is_named_split
from transmodal.errors import InputError

SIDES = {"a": "train", "b": "validation", "c": "test"}


@pytest.fixture
def folder(a_case: Callable[..., Case], ready: Callable[[Case], CaseMaker]) -> Division:
    return Division([ready(a_case(name)) for name in "abc"], SIDES, within_subject=True)


def test_the_sides_of_the_folder_hold_unless_a_test_is_named(folder: Division) -> None:
    assert divide(folder, "8:1:1", has_test=False) == (folder.cases, SIDES, True)
    assert divide(folder, "8:1:1", has_test=True) == (folder.cases, {}, False)


def test_a_file_outranks_the_sides_of_the_folder(folder: Division, tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"seed": 0, "train": ["b"], "validation": [], "test": ["a"]}))
    assert divide(folder, str(path), has_test=True) == (folder.cases, {"b": "train", "a": "test"}, False)
    path.write_text(json.dumps({"seed": 0, "train": ["x"], "validation": [], "test": ["a"]}))
    with pytest.raises(InputError, match=r"split\.json names x"):
        divide(folder, str(path), has_test=False)


def test_a_split_of_papers_needs_its_patients(folder: Division) -> None:
    assert [is_named_split(name) for name in ("syndiff", "own.json", "8:1:1")] == [True, True, False]
    with pytest.raises(InputError, match="3 patients for 25:5:10"):
        divide(folder, "syndiff", has_test=False)
