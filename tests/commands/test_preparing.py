"""Preparing in words: cases found and left aside, options read, the cohort and its page written."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

import transmodal
from transmodal.commands._preparing import find_cases, log_left_aside
from transmodal.errors import InputError, UsageError
from transmodal.volumes import Volume, io
from transmodal.volumes.reading import STRICT


@pytest.fixture
def subjects(tmp_path: Path) -> Path:
    """Three subjects with T1, two of which have T2, and a file that is no image."""
    folder = tmp_path / "subjects"
    for n, name in enumerate("abc"):
        (folder / name).mkdir(parents=True)
        draw = np.random.default_rng(n)
        for modality in ("t1", "t2") if name != "c" else ("t1",):
            voxels = draw.integers(1, 900, (6, 7, 5)).astype(np.int16)
            io.write(Volume(voxels, np.diag([4.0, 4, 4, 1])), folder / name / f"{modality}.nii.gz")
    (folder / "a" / "notes.txt").write_text("something")
    return folder


def test_subjects_are_named_with_commas_or_one_by_one(subjects: Path) -> None:
    for words in (["a,c"], ["a", "c"], [" a ,", "c"]):
        contents = find_cases("folders", subjects, (), words, STRICT)
        assert [case.id for case in contents.cases] == ["a", "c"]
    with pytest.raises(InputError, match="z"):
        find_cases("folders", subjects, (), ["z"], STRICT)


def test_a_layout_that_is_none_is_named(subjects: Path) -> None:
    with pytest.raises(UsageError, match="folder") as refused:
        find_cases("folder", subjects, (), (), STRICT)
    assert refused.value.code in ("E001", "E002")


def test_what_is_left_aside_is_logged(subjects: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        log_left_aside(find_cases("folders", subjects, (), (), STRICT))
    assert "ignored: " in caplog.text
    assert "notes.txt" in caplog.text


def test_python_takes_what_the_command_takes(subjects: Path, tmp_path: Path) -> None:
    cohort = transmodal.prepare(
        "folders",
        subjects,
        tmp_path / "cohort",
        options={"onto": ""},
        subjects=["a", "b"],
        counts="1:1:0",
        intensity=["t1=window:0:900"],
    )
    assert [len(cohort.split.ids(side)) for side in ("train", "validation", "test")] == [1, 1, 0]
    assert [case.id for case in cohort.cases()] == ["a", "b"]
    assert (tmp_path / "cohort" / "cohort.html").is_file()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ({"region": ["t1"]}, "--region t1"),
        ({"region": ["t1=head"]}, "--region t1=head"),
        ({"intensity": ["t1=window:0"]}, "--intensity t1=window:0"),
        ({"copies": "maybe"}, "--copies maybe"),
        ({"fold": "1"}, "--fold 1"),
        ({"split": "8:1"}, "'8:1'"),
    ],
)
def test_words_that_cannot_be_are_refused_before_anything_is_written(
    words: dict[str, object], part: str, subjects: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=part) as refused:
        transmodal.prepare("folders", subjects, tmp_path / "cohort", **words)  # type: ignore[arg-type]
    assert refused.value.code == "E001"
    assert not (tmp_path / "cohort").exists()
