from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.faults import find_difference, list_checks, list_damaged, list_kept
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.prepare.prepare import prepare
from transmodal.cohorts.store import Cohort
from transmodal.storage import files, sealed
from transmodal.storage.faults import Fault


@pytest.fixture
def cohort(a_case: Callable[..., Case], ready: Callable[[Case], CaseMaker], tmp_path: Path) -> Cohort:
    makers = [ready(a_case(f"s{n}")) for n in range(3)]
    return prepare(makers, tmp_path / "cohort", PrepareOptions(regions={"t1": ("body",)}))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-33] ^= 2
    path.write_bytes(content)


def faults_of(cohort: Cohort) -> list[Fault]:
    return [fault for check in list_checks(cohort.folder) if (fault := check.find_fault()) is not None]


def test_a_whole_cohort_has_none(cohort: Cohort) -> None:
    cohort.case("s1").volume("fa", 2.0)
    assert faults_of(cohort) == []
    assert len(list_kept(cohort.folder)) == 3 * 3 + 1
    assert len(list_checks(cohort.folder)) == 3 + 3 * (1 + 6) + 10
    assert list_damaged(cohort.folder, cohort.manifest.cases[0]) == []


@pytest.mark.parametrize(
    "file", ["t1.npy", "ct.npy", "fa.npy", "mask.npy", "segmentation.npy", "region_t1_body.npy"]
)
def test_each_kind_of_array_is_named(file: str, cohort: Cohort) -> None:
    flip(cohort.folder / "cases" / "s1" / file)
    (fault,) = faults_of(cohort)
    assert fault.line() == (
        f"cases/s1/{file}: case s1: cases/s1/{file} has another content than was prepared. Prepare the cohort again "
        "from its source: what is damaged is repaired, and that alone."
    )
    assert [array.file for array in list_damaged(cohort.folder, cohort.manifest.cases[1])] == [fault.file]


def test_working_arrays_and_what_copies_are_found_by_are_named(cohort: Cohort) -> None:
    cohort.case("s1").volume("fa", 2.0)
    kept = list_kept(cohort.folder)
    for path in kept:
        np.save(path, np.zeros_like(np.load(path))) if "mm" in str(path) else path.write_bytes(b"cut")
    faults = faults_of(cohort)
    assert [cohort.folder / fault.file for fault in faults] == kept
    assert {fault.remedy for fault in faults} == {
        "It is made again when it is needed next; it can also be removed."
    }


def test_an_edited_record_is_named_whether_it_was_sealed_or_not(cohort: Cohort) -> None:
    path = cohort.folder / "cases" / "s2" / "case.json"
    record = json.loads(path.read_text())
    record["affine"][0][3] += 1
    path.write_text(json.dumps(record))
    (fault,) = faults_of(cohort)
    assert "case s2" in fault.fault
    assert "was changed since it was written" in fault.fault
    files.write_json(path, sealed.read(path).content)  # as earlier versions wrote it
    (fault,) = faults_of(cohort)
    assert fault.fault == "case s2: its affine is not that of cohort.json"
    path.unlink()
    (fault,) = faults_of(cohort)
    assert fault.file == "cases/s2/case.json"


def test_a_lost_manifest_hides_no_array(cohort: Cohort) -> None:
    (cohort.folder / "cohort.json").write_text("{")
    flip(cohort.folder / "cases" / "s0" / "fa.npy")
    (cohort.folder / "cases" / "s1" / "case.json").unlink()
    assert [fault.file for fault in faults_of(cohort)] == [
        "cohort.json",
        "cases/s0/fa.npy",
        "cases/s1/case.json",
    ]


def test_an_edited_split_is_named_and_opened(cohort: Cohort) -> None:
    path = cohort.folder / "split.json"
    split = json.loads(path.read_text())
    split["train"], split["test"] = split["test"], split["train"]
    path.write_text(json.dumps(split))
    (fault,) = faults_of(cohort)
    assert fault.file == "split.json"
    assert "was changed since it was written" in fault.fault
    assert list(Cohort.open(cohort.folder).split.train) == split["train"]


def test_patients_are_those_of_the_split(cohort: Cohort) -> None:
    entry = cohort.manifest.cases[0]
    assert find_difference(entry, entry.model_copy(update={"patient": "x", "group": "y"})) == ""
    assert find_difference(entry, entry.model_copy(update={"fingerprint": "x"})) == "fingerprint"
