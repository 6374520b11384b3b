"""`transmodal translate`: images are printed, or one JSON object; words that do not fit are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from transmodal import cli


def test_images_are_printed_by_their_paths(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["translate", "run", "source-t1.nii.gz", "-o", "fa.nii.gz", "--force"]) == 0
    assert capsys.readouterr().out == "fa.nii.gz\n"
    assert json.loads(Path("fa.json").read_text())["synthetic"] is True
    assert (
        cli.run(
            ["translate", "run", "source-t1.nii.gz", "-o", "fa.nii.gz", "--force", "--overwrite", "--json"]
        )
        == 0
    )
    content = json.loads(capsys.readouterr().out)
    assert content["run"] == "run"
    assert [image["image"] for image in content["images"]] == ["fa.nii.gz"]


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        ("run source-t1.nii.gz", 2, "--output"),
        ("gone source-t1.nii.gz -o fa.nii.gz", 3, "gone"),
        ("run gone.nii.gz -o fa.nii.gz", 3, "gone.nii.gz does not exist"),
        ("run source-t1.nii.gz -o fa.jpg", 2, "fa.jpg"),
        ("run source-t1.nii.gz -o fa.nii.gz --strict --force", 2, "--strict with --force"),
        ("run source-t1.nii.gz -o fa.nii.gz --axes q", 2, "q"),
        ("run source-t1.nii.gz -o fa.nii.gz --fuse max", 2, "--fuse"),
        ("run source-t1.nii.gz -o fa.nii.gz --weights sam", 2, "--weights sam"),
        ("run source-t1.nii.gz -o fa.nii.gz --subject 01", 2, "without a BIDS dataset"),
        ("run t2=source-t1.nii.gz -o fa.nii.gz", 2, "t1=PATH"),
        ("run cohort -o out --split some", 2, "--split some"),
        ("run source-t1.nii.gz -o fa.nii.gz --training-cohort run", 3, "run"),
        ("run source-t1.nii.gz -o fa.nii.gz --checkpoint middle", 3, "middle"),
    ],
)
def test_refusals(
    words: str, status: int, part: str, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["translate", *words.split()]) == status
    error = capsys.readouterr().err
    assert error.startswith("error[E")
    assert error.count("\n") == 1
    assert part in error
    assert not list(folders.glob("fa*"))
    assert not (folders / "out").exists()
