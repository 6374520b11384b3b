"""Strata are of the table's columns: values as they are, numbers by cuts; what is not there is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.errors import TransmodalError
from transmodal.evaluation.external.phenotypes import MOST, By, parse, read

TSV = "participant_id\tage\tsite\tsex\nsub-a\t9.5\tguys\tF\nsub-b\t10\thh\tM\nsub-c\t31\tguys\tn/a\nsub-d\tn/a\tiop\tM\nsub-z\tx\t\t\n"
PATIENTS = ("a", "b", "sub-c", "d")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "participants.tsv"
    path.write_text(TSV)
    return path


def refused(path: Path, by: str, patients: tuple[str, ...] = PATIENTS) -> tuple[str, str]:
    with pytest.raises(TransmodalError) as caught:
        read(path, [by], patients)
    return caught.value.code, str(caught.value)


def test_columns_and_cuts_are_read() -> None:
    assert parse("site") == By("site")
    assert parse("age:0,10.5") == By("age", (0.0, 10.5))


@pytest.mark.parametrize(
    "text", ["", ":1", "age:", "age:x", "age:10,10", "age:20,10", "age:nan", "age:1,inf"]
)
def test_cuts_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(TransmodalError) as caught:
        parse(text)
    assert caught.value.code == "E001"


def test_every_patient_is_in_one_stratum_of_every_column(table: Path) -> None:
    found = read(table, ["age:10,20", "site", "sex"], PATIENTS)
    assert found.table == "table of phenotypes"
    assert found.groups == {
        "age": {
            "below 10": ("a",),
            "10 to below 20": ("b",),
            "20 and above": ("sub-c",),
            "not recorded": ("d",),
        },
        "site": {"guys": ("a", "sub-c"), "hh": ("b",), "iop": ("d",)},
        "sex": {"F": ("a",), "M": ("b", "d"), "not recorded": ("sub-c",)},
    }
    for groups in found.groups.values():
        assert sorted(one for patients in groups.values() for one in patients) == sorted(PATIENTS)


def test_numbers_without_cuts_stand_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("\ufeffpatient,field\na,3\nb,1.5\nc,10\n")
    assert list(read(path, ["field"], ("a", "b", "c")).groups["field"]) == ["1.5", "3", "10"]


def test_semicolons_part_columns_too(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("patient_id;site\na;x\n")
    assert read(path, ["site"], ("a",)).groups == {"site": {"x": ("a",)}}


def test_what_is_not_there_is_named(table: Path) -> None:
    assert refused(table, "sit")[0] == "E002"
    assert "Did you mean site?" in refused(table, "sit")[1]
    code, said = refused(table, "site", ("a", "q", "r"))
    assert code == "E132"
    assert "without patient q and 1 more" in said
    assert refused(table.with_name("none.tsv"), "site")[0] == "E100"


def test_tables_that_contradict_themselves_are_refused(table: Path, tmp_path: Path) -> None:
    code, said = refused(table, "age:10", (*PATIENTS, "z"))
    assert (code, "'x' of patient z" in said) == ("E103", True)
    nameless = tmp_path / "n.csv"
    nameless.write_text("name,site\na,x\n")
    assert refused(nameless, "site")[0] == "E103"
    twice = tmp_path / "w.csv"
    twice.write_text("patient,site\na,x\na,x\nb,y\nb,z\n")
    assert "two unlike rows of patient b" in refused(twice, "site", ("a",))[1]


def test_a_stratum_for_everybody_is_none(tmp_path: Path) -> None:
    names = tuple(f"p{n}" for n in range(MOST + 1))
    path = tmp_path / "t.csv"
    path.write_text("patient,age\n" + "".join(f"{name},{n}\n" for n, name in enumerate(names)))
    code, said = refused(path, "age", names)
    assert (code, "--by age:10,20" in said) == ("E001", True)
    assert len(read(path, ["age:6"], names).groups["age"]) == 2
