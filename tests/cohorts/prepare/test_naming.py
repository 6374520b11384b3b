"""Folders of cases: no id leads outside the cohort, and two ids never share a folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.prepare.naming import folder_names
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.errors import InputError

MakeCase = Callable[..., Case]
OnDisk = Callable[[Case], CaseFiles]
Maker = Callable[..., CaseMaker]
Tree = Callable[[Path], dict[str, str]]
ALONE = PrepareOptions(ratios=(1, 0, 0))

PAYLOADS = [
    "../../escape",
    "/etc/passwd",
    "..",
    ".",
    "",
    ".hidden",
    "-rf",
    "a/b",
    "a\\b",
    "C:evil",
    "nul\0byte",
    "x" * 400,
    "a..b",
    "dot.",
    "%2e%2e%2fup",
    "\uff0e\uff0e\uff0ffull",
    "müller",
    "white space",
    "line\nbreak",
    "\udce9 surrogate",
    "~",
    "$(touch x)",
]


@pytest.mark.parametrize("name", PAYLOADS)
def test_no_id_leads_outside(name: str, a_case: MakeCase, ready: Maker, tree: Tree, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    folder = outside / "deep" / "cohort"
    folder.mkdir(parents=True)
    maker = ready(replace(a_case(), id=name, patient=name))
    cohort = prepare([maker, ready(a_case("other"))], folder, ALONE)
    assert [path.name for path in outside.iterdir()] == ["deep"]
    assert [path.name for path in (outside / "deep").iterdir()] == ["cohort"]
    (safe,) = {case.id for case in cohort.cases()} - {"other"}
    assert safe == (folder / "cases" / safe).name
    assert all(letter.isascii() and (letter.isalnum() or letter in "._-") for letter in safe)
    assert ".." not in safe
    assert len(safe) <= 100
    assert safe != name
    assert (folder / "cases" / safe / "case.json").is_file()
    again = prepare([maker, ready(a_case("other"))], folder, ALONE)
    assert {case.id for case in again.cases()} == {safe, "other"}


def test_ids_that_cannot_be_told_apart(a_case: MakeCase, ready: Maker, tmp_path: Path) -> None:
    for one, other in (("s01", "s01"), ("s01", "S01"), ("aB", "Ab")):
        with pytest.raises(InputError, match="two cases called") as caught:
            prepare([ready(a_case(one)), ready(a_case(other))], tmp_path / "cohort")
        assert caught.value.code == "E004"
    with pytest.raises(InputError, match="no case") as caught:
        prepare([], tmp_path / "cohort")
    assert caught.value.code == "E132"


def test_plain_ids_name_their_folders(a_case: MakeCase, ready: Maker) -> None:
    cases = [ready(a_case(name)) for name in ("s02", "1-x.y_Z", "s01")]
    assert list(folder_names(cases)) == ["1-x.y_Z", "s01", "s02"]


@pytest.mark.parametrize("name", ["s.", "a..b", ".s", "-s", "x" * 101])
def test_other_ids_are_told_apart_by_their_hash(name: str, a_case: MakeCase, ready: Maker) -> None:
    cases = [ready(a_case(case)) for case in (name, f"{name}/")]
    names = list(folder_names(cases))
    assert len({entry.rsplit("-", 1)[1] for entry in names}) == 2
    assert all(len(entry) <= 89 and ".." not in entry for entry in names)
