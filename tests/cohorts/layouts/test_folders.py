from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.case import Case
from transmodal.cohorts.layouts import folders
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.errors import InputError
from transmodal.volumes import io


@pytest.fixture
def place(tmp_path: Path, a_case: Callable[..., Case]) -> Path:
    """Two cases: anna-1 with all, anna-2 with T1 alone."""
    folder = tmp_path / "subjects"
    one, two = a_case("anna-1"), a_case("anna-2")
    bare = replace(two, volumes={"t1": two.volumes["t1"]}, mask=None, segmentation=None)
    folders.write([one, bare], folder)
    for case in ("anna-1", "anna-2"):
        (folder / case / "case.json").unlink()
    return folder


def test_cases_are_found_by_name(place: Path) -> None:
    found = folders.find(place)
    assert found.ignored == []
    one, two = found.cases
    assert (one.id, one.patient, one.group) == ("anna-1", "anna-1", "")
    assert sorted(one.volumes) == ["ct", "fa", "t1"]
    assert one.mask == place / "anna-1" / "mask.nii.gz"
    assert one.segmentation == place / "anna-1" / "segmentation.nii.gz"
    assert (two.volumes, two.mask, two.segmentation) == ({"t1": place / "anna-2" / "t1.nii.gz"}, None, None)
    assert folders.find(place).cases == found.cases


def test_missing_modalities_are_allowed_and_recorded(place: Path, tmp_path: Path) -> None:
    cohort = prepare(folders.find(place).cases, tmp_path / "cohort", PrepareOptions(ratios=(1, 0, 0)))
    assert cohort.modalities == ("ct", "fa", "t1")
    assert {case.id: sorted(case.entry.volumes) for case in cohort.cases()} == {
        "anna-1": ["ct", "fa", "t1"],
        "anna-2": ["t1"],
    }


def test_what_is_written_is_found(a_case: Callable[..., Case], tmp_path: Path) -> None:
    case = a_case("a", patient="p9", group="north")
    folders.write([case], tmp_path)
    (found,) = folders.find(tmp_path).cases
    loaded = found.load()
    assert (loaded.patient, loaded.group, loaded.simulated) == ("p9", "north", frozenset({"ct"}))
    for modality, volume in case.volumes.items():
        np.testing.assert_array_equal(loaded.volumes[modality].voxels, volume.voxels)


def test_formats_and_names(place: Path, a_case: Callable[..., Case]) -> None:
    volume = a_case().volumes["t1"]
    for name in ("T2.mha", "PD.nii", "t1-post.mhd", "adc_map.nii"):
        io.write(volume, place / "anna-2" / name)
    (place / "anna-2" / ".DS_Store").write_text("")
    found = folders.find(place)
    assert sorted(found.cases[1].volumes) == ["adc_map", "pd", "t1", "t1_post", "t2"]
    assert found.ignored == []
    loaded = found.cases[1].load()
    np.testing.assert_array_equal(loaded.volumes["t1_post"].voxels, volume.voxels)


def test_unknown_files_are_ignored_and_listed(place: Path) -> None:
    (place / "notes.txt").write_text("x")
    (place / "README.md").write_text("x")
    (place / ".git").mkdir()
    (place / "empty").mkdir()
    (place / "only_mask").mkdir()
    (place / "only_mask" / "mask.nii.gz").write_bytes(b"x")
    for name in ("t1.json", "scan.dcm", "3d.nii.gz", "other.raw", "Ünlü.nii", "region_t1.nii"):
        (place / "anna-1" / name).write_bytes(b"x")
    (place / "anna-1" / "fa2.nii.gz").mkdir()
    cases = folders.find(place).cases
    assert [case.id for case in cases] == ["anna-1", "anna-2"]
    assert sorted(cases[0].volumes) == ["ct", "fa", "t1"]
    wanted = ["3d.nii.gz", "fa2.nii.gz", "other.raw", "region_t1.nii", "scan.dcm", "t1.json", "Ünlü.nii"]
    assert folders.find(place).ignored == [
        *(f"anna-1/{name} (no image of a modality)" for name in wanted),
        "empty (no image)",
        "notes.txt (in no case's folder)",
        "only_mask (no image)",
    ]


def test_case_json(place: Path) -> None:
    known = {"patient": "anna", "group": "site 1", "simulated": ["ct", "t2"], "seed": 5, "warp": {"mm": 8}}
    (place / "anna-1" / "case.json").write_text(json.dumps(known))
    case = folders.find(place).cases[0]
    assert (case.patient, case.group, case.simulated) == ("anna", "site 1", frozenset({"ct"}))


@pytest.mark.parametrize(
    ("known", "code", "words"),
    [
        ('{"patient": 7}', "E103", "anna-1/case.json with patient 7; expected a text"),
        ('{"group": null}', "E103", "group None"),
        ('{"simulated": "ct"}', "E103", "simulated 'ct'; expected a list of modalities"),
        ('{"simulated": [1]}', "E103", "simulated"),
        ("[]", "E101", "JSON object"),
        ("{", "E101", "no JSON"),
    ],
)
def test_a_bad_case_json_is_refused(known: str, code: str, words: str, place: Path) -> None:
    (place / "anna-1" / "case.json").write_text(known)
    with pytest.raises(InputError) as caught:
        folders.find(place)
    assert caught.value.code == code
    assert words in caught.value.line()


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "as Excel saves it"])
def test_table_outranks_json(mark: str, place: Path) -> None:
    (place / "anna-1" / "case.json").write_text('{"patient": "other", "group": "kept"}')
    text = mark + "group,case,age,patient\n,anna-1,77, anna \nsüd,anna-2,78,anna\n"
    (place / "cases.csv").write_text(text, encoding="utf-8")
    found = folders.find(place)
    assert [(case.patient, case.group) for case in found.cases] == [("anna", "kept"), ("anna", "süd")]
    assert found.ignored == ["cases.csv: column age"]


def test_table_without_group_and_with_gaps(place: Path) -> None:
    (place / "cases.csv").write_text("case,patient\nanna-1,anna\nanna-2\n")
    assert [case.patient for case in folders.find(place).cases] == ["anna", "anna-2"]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("case,patient\nanna-1,a\n", "E103", "cases.csv has no row for anna-2"),
        ("case,patient\nanna-1,a\nanna-2,a\nann-2,a\n", "E103", "cases.csv names ann-2, which has no folder"),
        (
            "case,patient\nanna-1,a\nanna-2,a\nanna-2,b\n",
            "E103",
            "the row of anna-2; expected one row per case",
        ),
        ("case,patient\nanna-1,a,x,y\nanna-2,a\n", "E103", "row 2 (anna-1) with 4 cells; expected 2 values"),
        ("case|patient\nanna-1|a\n", "E103", "with the columns case|patient"),
        ("subject,patient\nanna-1,a\n", "E103", "with the columns subject, patient"),
        ("", "E103", "with the columns (none)"),
        ('case,patient\nanna-1,"a\n', "E101", "cases.csv"),
    ],
)
def test_a_bad_table_is_refused(text: str, code: str, words: str, place: Path) -> None:
    (place / "cases.csv").write_text(text)
    with pytest.raises(InputError) as caught:
        folders.find(place)
    assert caught.value.code == code
    assert words in caught.value.line()


def test_a_table_that_is_no_text(place: Path) -> None:
    (place / "cases.csv").write_bytes(b"case,patient\nanna-1,\x00\x01\n")
    with pytest.raises(InputError) as caught:
        folders.find(place)
    assert caught.value.code == "E101"


@pytest.mark.parametrize("name", ["t1.mha", "T1.nii"])
def test_two_files_of_a_modality(name: str, place: Path, a_case: Callable[..., Case]) -> None:
    io.write(a_case().volumes["t1"], place / "anna-1" / name)
    with pytest.raises(InputError, match=r"anna-1 has .*one file per modality") as caught:
        folders.find(place)
    assert caught.value.code == "E103"
    assert name in caught.value.line()
    assert "t1.nii.gz" in caught.value.line()
