from __future__ import annotations

from pathlib import Path

import pytest

from phantoms import entry_of
from transmodal.cohorts.manifest import CaseEntry
from transmodal.cohorts.split.relations import Relations, read_relations
from transmodal.cohorts.split.split import groups_of
from transmodal.errors import InputError, UsageError


def patients(relations: Relations, entries: list[CaseEntry]) -> dict[str, str]:
    return {one.id: one.patient for one in relations.apply(entries)}


def test_nothing_told_changes_nothing() -> None:
    entries = [entry_of("a", "p", "g"), entry_of("b")]
    assert read_relations().apply(entries) == entries


def test_words_make_one_patient_of_cases_or_patients() -> None:
    entries = [entry_of("a1", "anna"), entry_of("a2", "annA"), entry_of("b"), entry_of("c")]
    assert patients(read_relations(["a1=annA"]), entries) == {"a1": "annA", "a2": "annA", "b": "b", "c": "c"}
    chained = patients(read_relations(["c=b", "b=a1"]), entries)
    assert chained["a1"] == chained["b"] == chained["c"] != chained["a2"]


def test_the_name_of_a_patient_does_not_depend_on_the_order_of_what_is_told() -> None:
    entries = [entry_of(name) for name in "abcd"]
    words = ["d=c", "c=b", "a=d"]
    assert (
        patients(read_relations(words), entries)
        == patients(read_relations(words[::-1]), entries)
        == dict.fromkeys("abcd", "a")
    )


def test_a_table_of_names_as_brats_has_it_joins_releases(tmp_path: Path) -> None:
    table = tmp_path / "name_mapping.csv"
    table.write_text(
        "Grade,BraTS_2019_subject_ID,BraTS_2020_subject_ID,BraTS2021,Site No\n"
        "HGG,BraTS19_1,BraTS20_Training_001,BraTS2021_00031,1\n"
        "LGG,NA9,BraTS20_Training_002,BraTS2021_00099,1\n"
        "LGG,,BraTS20_Training_003,,2\n"
    )
    entries = [
        entry_of("BraTS20_Training_001"),
        entry_of("BraTS20_Training_002"),
        entry_of("BraTS2021_00031"),
        entry_of("BraTS-GLI-00007-000", "1"),
    ]
    joined = patients(read_relations(tables=[table]), entries)
    assert joined["BraTS20_Training_001"] == joined["BraTS2021_00031"]
    assert len(set(joined.values())) == 3
    assert joined["BraTS-GLI-00007-000"] == "1", "a site's number is no patient"


def test_cases_of_one_new_patient_are_joined_though_no_case_has_the_name(tmp_path: Path) -> None:
    table = tmp_path / "who.tsv"
    table.write_text("case\tpatient\nv1\tdora\nv2\tdora\nv3\temil\n")
    joined = patients(read_relations(tables=[table]), [entry_of("v1"), entry_of("v2"), entry_of("v3")])
    assert joined["v1"] == joined["v2"] != joined["v3"]


def test_a_family_keeps_patients_together(tmp_path: Path) -> None:
    table = tmp_path / "families.csv"
    table.write_text("patient,family,site\nanna,1,north\nbela,1,south\ncleo,,south\n")
    entries = [
        entry_of("a", "anna", "old"),
        entry_of("b", "bela"),
        entry_of("c", "cleo", "old too"),
        entry_of("d"),
    ]
    applied = read_relations(tables=[table]).apply(entries)
    assert [one.group for one in applied] == ["family 1", "family 1", "old too", ""]
    assert [one.patient for one in applied] == ["anna", "bela", "cleo", "d"]
    assert sorted(map(len, groups_of(applied).values())) == [1, 1, 2]
    by_site = read_relations(tables=[table], by="site").apply(entries)
    assert [one.group for one in by_site] == ["site north", "site south", "site south", ""]


@pytest.mark.parametrize("word", ["a", "a=", "=b", ""])
def test_a_word_that_is_no_pair_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="A=B"):
        read_relations([word])


def test_a_column_needs_a_table() -> None:
    with pytest.raises(UsageError, match="--groups TABLE"):
        read_relations(by="site")


@pytest.mark.parametrize(
    ("text", "by", "part"),
    [
        ("name of,family\nx,1\n", "", "name of, family"),
        ("patient,family\nx,1\n", "site", "case or patient, and site"),
        ("patient\n", "", "without a row"),
        ("", "", "without a row"),
    ],
)
def test_a_table_without_its_columns_is_refused(text: str, by: str, part: str, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=part) as caught:
        read_relations(tables=[table], by=by)
    assert caught.value.code == "E101"


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    binary = tmp_path / "t.csv"
    binary.write_bytes(b"\xff\xfe\x00patient")
    with pytest.raises(InputError, match="without a row") as caught:
        read_relations(tables=[binary])
    assert caught.value.code == "E101"
    with pytest.raises(InputError) as missing:
        read_relations(tables=[tmp_path / "none.csv"])
    assert missing.value.code == "E100"


def test_names_of_no_case_alone_are_refused() -> None:
    with pytest.raises(InputError, match="of no case") as caught:
        read_relations(["x=y"]).apply([entry_of("a")])
    assert caught.value.code == "E132"
