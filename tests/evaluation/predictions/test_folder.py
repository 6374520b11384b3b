"""Files of cases: by names or by a table; what is missing, twice or of two cases is refused with a remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from transmodal.errors import InputError, UsageError
from transmodal.evaluation.predictions import folder as folders
from transmodal.evaluation.predictions.folder import (
    PredictionFolder,
    list_volumes,
    match,
    parse,
    refuse_missing,
)

KNOWN = ("A1", "A2", "A3")


def _touch(place: Path, *names: str) -> PredictionFolder:
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(b"")
    return PredictionFolder(place, "tool")


def test_words_name_a_folder_and_a_pattern(tmp_path: Path) -> None:
    assert parse("out/pred=unet") == PredictionFolder(Path("out/pred"), "unet")
    assert parse("out/pred") == PredictionFolder(Path("out/pred"), "pred")
    assert parse("out/*/sCT.mha=k") == PredictionFolder(Path("out"), "k", "*/sCT.mha")
    odd = tmp_path / "a=b"
    odd.mkdir()
    assert parse(str(odd)) == PredictionFolder(odd, "a=b")
    for words in ("=name", "folder="):
        with pytest.raises(UsageError, match="--predictions"):
            parse(words)


def test_files_are_matched_by_name(tmp_path: Path) -> None:
    folder = _touch(tmp_path, "A1_sct.nii.gz", "sub/A2.mha", "A3.nii", "notes.txt", "mean.nii.gz")
    matched = match(folder, ("A1", "A2"), KNOWN)
    assert {case: path.name for case, path in matched.files.items()} == {
        "A1": "A1_sct.nii.gz",
        "A2": "A2.mha",
    }
    assert (matched.missing, matched.unscored, matched.unknown) == ((), 1, ("mean.nii.gz",))


@pytest.mark.parametrize(
    ("names", "part"),
    [
        (("A1_A2.nii.gz",), "which can be of A1 and of A2"),
        (("A1_ct.nii.gz", "A1_mask.nii.gz"), "2 files of case A1 in tool"),
        (("A1/ct.mha", "A1/sCT.mha"), "2 files of case A1 in tool"),
    ],
)
def test_ambiguity_is_refused_with_a_table_as_the_remedy(
    tmp_path: Path, names: tuple[str, ...], part: str
) -> None:
    with pytest.raises(InputError, match=part) as refused:
        match(_touch(tmp_path, *names), ("A1",), KNOWN)
    assert refused.value.code == "E103"
    assert "--match TABLE.csv" in refused.value.remedy


@pytest.mark.parametrize(
    ("names", "cases", "pattern"),
    [
        (("A1.mha", "backup_normalised/A1.mha", "A2.mha", "backup_normalised/A2.mha"), KNOWN, "*.mha"),
        (("P/A1/ct.mha", "P/A1/sct.mha", "P/A2/ct.mha"), KNOWN, "P/*/ct.mha"),
        (("sub-1/ses-a/ct.nii.gz", "sub-1/ses-a/t1.nii.gz"), ("sub-1_ses-a",), "sub-*/ses-*/ct.nii.gz"),
        (("A1/A1.mha", "A1/x.mha"), KNOWN, "*/*.mha"),
    ],
)
def test_the_pattern_that_a_refusal_names_chooses_one_file_per_case(
    tmp_path: Path, names: tuple[str, ...], cases: tuple[str, ...], pattern: str
) -> None:
    folder = _touch(tmp_path / "out", *names)
    with pytest.raises(InputError, match="files of case") as refused:
        match(folder, cases[:1], cases)
    named = re.search(r"--predictions '([^']+)'", refused.value.remedy)
    if pattern == "*/*.mha":  # it would take both files
        assert named is None
        assert refused.value.remedy.startswith("Say which file")
        return
    assert named is not None
    assert named[1] == (tmp_path / "out" / pattern).as_posix()
    assert match(parse(named[1]), cases[:1], cases).missing == ()


def test_a_pattern_chooses_among_the_files_of_a_case(tmp_path: Path) -> None:
    _touch(tmp_path, "run/A1/sCT.mha", "run/A1/CT.mha", "run/deep/A2/sCT.mha")
    place = tmp_path / "run"
    assert list_volumes(place, "*/sCT.mha") == [place / "A1/sCT.mha"]
    assert list_volumes(place, "**/sCT.mha") == [place / "A1/sCT.mha", place / "deep/A2/sCT.mha"]
    assert list(match(parse(f"{place}/**/sCT.mha"), ("A1", "A2"), KNOWN).files) == ["A1", "A2"]
    with pytest.raises(InputError, match="without a volume that fits"):
        list_volumes(place, "*.nii")


def test_a_table_says_which_file_is_of_which_case(tmp_path: Path) -> None:
    folder = _touch(tmp_path / "pred", "one.nii.gz", "two.nii.gz")
    table = tmp_path / "match.csv"
    table.write_text("case,file\nA1,two.nii.gz\nA2,pred/one.nii.gz\n")
    matched = match(PredictionFolder(folder.place, "tool", table=table), ("A1", "A2"), KNOWN)
    assert {case: path.name for case, path in matched.files.items()} == {
        "A1": "two.nii.gz",
        "A2": "one.nii.gz",
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("case,path\nA1,one.nii.gz\n", "E103"),
        ("case,file\nB1,one.nii.gz\n", "E132"),
        ("case,file\nA1,gone.nii.gz\n", "E100"),
        ("case,file\nA1,\n", "E100"),
        ("case,file\nA1,one.nii.gz\nA1,two.nii.gz\n", "E103"),
        ("case,file\nA1,one.nii.gz\nA2,one.nii.gz\n", "E103"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, text: str, code: str) -> None:
    folder = _touch(tmp_path, "one.nii.gz", "two.nii.gz")
    (tmp_path / "match.csv").write_text(text)
    with pytest.raises(InputError) as refused:
        match(PredictionFolder(folder.place, "tool", table=tmp_path / "match.csv"), ("A1",), KNOWN)
    assert refused.value.code == code


def test_missing_cases_are_named_and_can_be_allowed(tmp_path: Path) -> None:
    folder = _touch(tmp_path, "A1.nii.gz", "odd.nii.gz")
    matched = match(folder, KNOWN, KNOWN)
    with pytest.raises(
        InputError, match="without a volume of case A2 and 1 more, of 3; 1 file is of no case"
    ) as refused:
        refuse_missing(folder, matched, "heads", allows_missing=False)
    assert "--allow-missing" in refused.value.remedy
    refuse_missing(folder, matched, "heads", allows_missing=True)
    nothing = match(folder, ("A2",), KNOWN)
    with pytest.raises(InputError, match="of case A2, of 1") as refused:
        refuse_missing(folder, nothing, "heads", allows_missing=True)
    assert "--allow-missing" not in refused.value.remedy


def test_dicom_series_are_folders(tmp_path: Path) -> None:
    folder = _touch(tmp_path / "pred", "A1.2.series/1.dcm", "A1.2.series/2.dcm", "A2.nii.gz")
    assert [path.name for path in list_volumes(folder.place)] == ["A1.2.series", "A2.nii.gz"]
    with pytest.raises(InputError, match="no folder"):
        folders.list_volumes(tmp_path / "gone")


def test_pictures_alone_are_refused_with_the_page_that_stacks_them(tmp_path: Path) -> None:
    """The program on that page is run by tests/routes/test_migrations.py."""
    for name in ("p1_001_fake_B.png", "p1_002_fake_B.png"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match="without a volume, but with 2 pictures") as refused:
        list_volumes(tmp_path)
    page, heading = re.search(r"page (\S+\.md), under (.+)\.$", refused.value.remedy).groups()  # type: ignore[union-attr]
    text = (Path(__file__).parents[3] / page).read_text(encoding="utf-8")
    assert f"## {heading}\n" in text
