"""Bad pairs through the command line: named by case, refused on request, shown on a page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from transmodal import cli
from transmodal.errors import ResourceError
from transmodal.evaluation.cohort_report import page as cohort_page
from transmodal.volumes import Volume, io

SHAPE = (37, 43, 33)
AFFINE = np.diag([-5.0, 5.0, 5.0, 1.0])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three heads of lumps with T1 and CT; the CT of `b` lies 10 mm off."""
    for seed, name in enumerate("abc"):
        draw = np.random.default_rng(seed)
        i, j, k = np.meshgrid(
            *(np.linspace(-1.4, 1.4, n) * draw.uniform(0.9, 1.15) for n in SHAPE), indexing="ij"
        )
        field = ndimage.gaussian_filter(draw.normal(size=SHAPE), 1.4)
        t1 = np.where(i**2 + 0.8 * j**2 + 1.1 * k**2 < 1, 500 + 90 * field / field.std(), 0)
        ct = np.where(t1 > 0, np.abs(t1 - 480), -1000)
        folder = tmp_path / "subjects" / name
        folder.mkdir(parents=True)
        io.write(Volume(t1.astype(np.int16), AFFINE), folder / "t1.nii.gz")
        io.write(Volume(np.roll(ct, 2 * (name == "b"), 1).astype(np.int16), AFFINE), folder / "ct.nii.gz")
    monkeypatch.chdir(tmp_path)
    return tmp_path


ODD = "look at b: ct lies about 10 mm off t1: register it onto t1's grid, or mend its header"


def test_a_dry_run_names_the_pair_and_writes_nothing(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["prepare", "folders", "subjects", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert said.count("look at ") == 1
    assert ODD in said
    assert "3 cases, 0 with something wrong" in said
    assert cli.run(["prepare", "folders", "subjects", "--dry-run", "--strict-pairs"]) == 3
    assert [path.name for path in place.iterdir()] == ["subjects"]


def test_preparing_names_the_pair_and_draws_the_page(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["prepare", "folders", "subjects", "-o", "cohort", "--counts", "1:1:1", "--copies", "ignore"]
    assert cli.run(words) == 0
    said = capsys.readouterr().out
    assert ODD in said
    assert "every pair is shown in cohort/cohort.html" in said
    first = (place / "cohort" / "cohort.html").read_text(encoding="utf-8")
    (place / "cohort" / "cohort.html").unlink()
    assert cli.run(words) == 0
    assert (place / "cohort" / "cohort.html").read_text(encoding="utf-8") == first


def test_strict_pairs_refuse(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["prepare", "folders", "subjects", "-o", "cohort", "--strict-pairs", "--copies", "ignore"]
    assert cli.run([*words, "--counts", "1:1:1"]) == 3
    assert "case b: ct lies about 10 mm off t1" in capsys.readouterr().err
    assert cli.run([*words, "--counts", "1:1:0", "--keep-going"]) == 0
    assert "look at" not in capsys.readouterr().out


def test_a_cohort_stands_without_its_page(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> Path:
        raise ResourceError("E403", "the disk is full", "space", "Free some.")

    monkeypatch.setattr(cohort_page, "write", full)
    words = ["prepare", "folders", "subjects", "-o", "cohort", "--counts", "1:1:1", "--copies", "ignore"]
    assert cli.run(words) == 0
    assert (place / "cohort" / "cohort.json").is_file()
    assert not (place / "cohort" / "cohort.html").exists()
