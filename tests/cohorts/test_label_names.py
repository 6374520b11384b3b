from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from transmodal.cli import app
from transmodal.cohorts import label_names
from transmodal.cohorts.layouts import folders
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError
from transmodal.volumes import Volume, io


def test_a_table_names_labels(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("label,name,r,g,b\n0,background,0,0,0\n7,liver,9,9,9\n2,left kidney,1,2,3\n")
    assert label_names.read(path) == {2: "left kidney", 7: "liver"}


@pytest.mark.parametrize(
    "text", ["label\n1\n", "label,name\nx,liver\n", "label,name\n1,a\n1,b\n", "label,name\n-1,a\n"]
)
def test_a_table_that_names_nothing_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(InputError, match="columns label and name") as caught:
        label_names.read(tmp_path / "labels.csv")
    assert caught.value.code == "E103"


def test_prepare_remembers_the_names(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    for case in "abc":
        place = tmp_path / "subjects" / case
        place.mkdir(parents=True)
        for name in ("t1", "t2"):
            io.write(Volume(draw.random((9, 8, 7)).astype(np.float32), np.eye(4)), place / f"{name}.nii.gz")
    (tmp_path / "labels.csv").write_text("label,name\n1,femur\n")
    words = [
        "prepare",
        "folders",
        str(tmp_path / "subjects"),
        "-o",
        str(tmp_path / "cohort"),
        "--workers",
        "1",
    ]
    result = CliRunner().invoke(app, [*words, "--labels", str(tmp_path / "labels.csv")])
    assert result.exit_code == 0, result.output
    cohort = Cohort.open(tmp_path / "cohort")
    assert cohort.manifest.options.labels == {1: "femur"}
    before = cohort.digest(), (tmp_path / "cohort" / "cohort.json").stat().st_mtime_ns
    CliRunner().invoke(app, [*words, "--labels", str(tmp_path / "labels.csv")])
    assert (cohort.digest(), (tmp_path / "cohort" / "cohort.json").stat().st_mtime_ns) == before
    CliRunner().invoke(app, words)
    assert Cohort.open(tmp_path / "cohort").digest() == before[0]  # names change nothing that is computed


def test_folders_know_names_from_a_table_or_from_records_that_agree(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    for case, said in (
        ("a", '{"bone": 1, "marrow": 2}'),
        ("b", '{"bone": 1, "fat": 2, "none": 0}'),
        ("c", "3"),
    ):
        place = tmp_path / case
        place.mkdir()
        io.write(Volume(draw.random((5, 4, 3)).astype(np.float32), np.eye(4)), place / "t1.nii.gz")
        (place / "case.json").write_text(f'{{"labels": {said}}}')
    assert folders.find(tmp_path).labels == {1: "bone"}
    (tmp_path / "labels.csv").write_text("label,name\n1,femur\n2,skin\n")
    found = folders.find(tmp_path)
    assert found.labels == {1: "femur", 2: "skin"}
    assert found.ignored == []
