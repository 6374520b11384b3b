"""`transmodal prepare`: a cohort, a survey or a key out of a layout; the words that it needs are named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from transmodal import cli
from transmodal.volumes import Volume, io


@pytest.fixture
def subjects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three subjects with T1, below the working directory."""
    monkeypatch.chdir(tmp_path)
    for n, name in enumerate("abc"):
        place = tmp_path / "subjects" / name
        place.mkdir(parents=True)
        voxels = np.random.default_rng(n).integers(1, 900, (6, 7, 5)).astype(np.int16)
        io.write(Volume(voxels, np.diag([4.0, 4, 4, 1])), place / "t1.nii.gz")
    return tmp_path / "subjects"


def run(words: str) -> int:
    return cli.run(["prepare", *words.split()])


def test_a_cohort_is_told_in_words_or_as_json(subjects: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "folders subjects -o cohort --counts 1:1:1 --workers 1"
    assert run(line) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("cohort: 3 cases with t1; 1 train, 1 validation, 1 test")
    assert run(f"{line} --json") == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["cases"], content["split"]) == (3, {"train": 1, "validation": 1, "test": 1})


def test_a_dry_run_writes_nothing(subjects: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(subjects.parent.rglob("*"))
    assert run("folders subjects --dry-run --subjects a,b --workers 1") == 0
    assert "2 cases" in capsys.readouterr().out
    (subjects / "b" / "t1.nii.gz").write_bytes(b"rotten")
    assert run("folders subjects --dry-run --workers 1") == 3
    assert sorted(subjects.parent.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        ("folders", "E001", "'folder'"),
        ("folders subjects", "E001", "no -o"),
        ("folders gone -o cohort", "E100", "gone"),
        ("nothing subjects -o cohort", "E", "nothing"),
        ("folders subjects -o cohort --with onto", "E001", "onto"),
        ("folders subjects -o cohort --key key.csv", "E004", "--key with the layout folders"),
        ("folders subjects -o cohort --nonfinite keep", "E001", "--nonfinite"),
        ("folders subjects -o cohort --for no-such-recipe", "E", "no-such-recipe"),
    ],
)
def test_refusals(
    words: str, code: str, part: str, subjects: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) in (2, 3)
    error = capsys.readouterr().err
    assert error.startswith(f"error[{code}")
    assert part in error
    assert not Path("cohort").exists()
    assert not Path("key.csv").exists()
