from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from transmodal.cohorts import patient_marks
from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.edit.merge import merge
from transmodal.cohorts.edit.resplit import resplit
from transmodal.cohorts.patient_marks import (
    FILE,
    KEY_ID,
    MARKS,
    UNKEYED,
    PatientMarks,
    make_key,
    marking_keys,
    provide_key,
    read_keys,
    read_marks,
    untested,
)
from transmodal.cohorts.prepare.prepare import prepare
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError
from transmodal.storage import files

MakeCase = Callable[..., Case]
Ready = Callable[[Case], CaseMaker]


@pytest.fixture
def cohort(a_case: MakeCase, ready: Ready, tmp_path: Path) -> Callable[..., Cohort]:
    def make(name: str, mark_key: Path | None = None) -> Cohort:
        cases = [ready(a_case(f"{name}-{n}", seed=sum(map(ord, name)) + n)) for n in range(3)]
        return prepare(cases, tmp_path / name, mark_key=mark_key)

    return make


def test_a_mark_cannot_be_made_without_the_key() -> None:
    one, other = make_key(), make_key()
    assert len({UNKEYED.mark("anna"), one.mark("anna"), other.mark("anna")}) == 3
    assert one.mark("anna") == one.mark("anna") != one.mark("ben")
    assert one.id != other.id
    assert one.secret.hex() not in repr(one) + one.id + one.mark("anna")


def test_marks_of_before_there_were_keys_are_tested_as_they_were() -> None:
    assert UNKEYED.mark("anna") == files.sha256_text("anna")[:16]
    marks = read_marks({MARKS: [UNKEYED.mark("anna")]})
    assert marks is not None
    assert marks.find(["ben", "anna"], [make_key()]) == ["anna"]
    assert read_marks({}) is None


def test_marks_are_tested_with_their_key_alone() -> None:
    key = make_key()
    marks = PatientMarks(key.id, frozenset([key.mark("anna")]))
    assert marks.find(["anna", "ben"], [make_key(), key]) == ["anna"]
    assert marks.find(["ben"], [key]) == []
    assert marks.find(["anna"], [make_key()]) is None
    assert "--training-cohort" in untested("unet", marks)
    assert PatientMarks("", frozenset()).find(["anna"], [key]) is None


def test_every_cohort_has_a_key_of_its_own_that_its_owner_alone_can_read(
    cohort: Callable[..., Cohort],
) -> None:
    one, other = cohort("one"), cohort("other")
    (key,) = read_keys(one.folder)
    assert read_keys(other.folder) != (key,)
    assert (one.folder / FILE).stat().st_mode & 0o777 == 0o600
    assert key.secret.hex() not in (one.folder / "cohort.json").read_text()
    assert read_keys(cohort("one").folder) == (key,)  # prepared again


def test_a_key_is_shared_on_purpose(cohort: Callable[..., Cohort], tmp_path: Path) -> None:
    shared = tmp_path / "lab.key"
    (first,) = read_keys(cohort("one", shared).folder)
    assert shared.stat().st_mode & 0o777 == 0o600
    assert read_keys(cohort("two", shared).folder) == (first,)
    own = read_keys(cohort("three").folder)
    assert read_keys(cohort("three", tmp_path / "one" / FILE).folder) == (first, *own)
    assert read_keys(cohort("four").folder)[0] != first


def test_a_merged_cohort_has_the_keys_of_all_and_a_split_one_the_same(
    cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    one, other = cohort("one"), cohort("other")
    keys = (*read_keys(one.folder), *read_keys(other.folder))
    merged = merge([one.folder, other.folder], tmp_path / "merged")
    assert read_keys(merged.folder) == keys
    assert (merged.folder / FILE).stat().st_mode & 0o777 == 0o600
    renamed = merge([one.folder, other.folder], tmp_path / "renamed", prefix=True)
    assert not set(read_keys(renamed.folder)) & set(keys)
    assert read_keys(resplit(one.folder, output=tmp_path / "fold").folder) == keys[:1]


def test_nobody_is_marked_where_the_key_cannot_be_read(
    cohort: Callable[..., Cohort], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = cohort("one").folder
    assert marking_keys(folder, has_key=True) == read_keys(folder)
    (folder / FILE).rename(folder / "away")
    with caplog.at_level(logging.WARNING):
        assert marking_keys(folder, has_key=True) == ()
    assert "patients are not marked" in caplog.text
    assert marking_keys(folder, has_key=False) == (UNKEYED,)
    (folder / "away").rename(folder / FILE)

    def refuse(path: Path, limit: int) -> str:
        raise PermissionError(13, "Permission denied", os.fspath(path))

    monkeypatch.setattr(patient_marks.regular, "read_text", refuse)
    assert read_keys(folder) == ()


@pytest.mark.parametrize("content", ["", "secret", "ab" * 31, "ab" * 32 + "\nxy"])
def test_a_damaged_file_of_keys_is_refused_without_its_content(content: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(InputError) as caught:
        provide_key(tmp_path)
    assert caught.value.code == "E101"
    assert not content or content.split()[0] not in caught.value.line()
    assert caught.value.__cause__ is None


def test_a_cohort_of_before_there_were_keys_gets_one_when_it_is_prepared_again(
    cohort: Callable[..., Cohort],
) -> None:
    folder = cohort("one").folder
    (folder / FILE).unlink()
    content = json.loads((folder / "cohort.json").read_text())
    assert content.pop("has_patient_key") is True
    del content["sha256"]
    (folder / "cohort.json").write_text(json.dumps(content))
    assert Cohort.open(folder).manifest.has_patient_key is False
    assert cohort("one").manifest.has_patient_key is True
    assert len(read_keys(folder)) == 1


def test_records_name_the_key_beside_the_marks() -> None:
    key = make_key()
    assert read_marks({MARKS: [key.mark("anna")], KEY_ID: key.id}) == PatientMarks(
        key.id, frozenset([key.mark("anna")])
    )
