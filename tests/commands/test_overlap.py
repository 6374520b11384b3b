from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cli_calls import check_error
from transmodal import cli
from transmodal.storage import files
from transmodal.volumes import Volume, io

AFFINE = np.diag([1.0, 2.0, 3.0, 1.0])
SHAPE = (12, 11, 9)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders `ct` and `sct` with two cases; the second has no structure in either."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:6, 2:6, 2:6] = 1
    moved = np.roll(labels, 2, axis=0)
    for folder, voxels in (("ct", labels), ("sct", moved)):
        (tmp_path / folder).mkdir()
        io.write(Volume(voxels, AFFINE), tmp_path / folder / "one.nii.gz")
        io.write(Volume(labels * 0, AFFINE), tmp_path / folder / "two.nii.gz")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_two_folders_are_compared(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["overlap", "ct", "sct", "-o", "overlap.json"]) == 0
    record = json.loads((place / "overlap.json").read_text())
    one, two = record["cases"]
    assert (one["dice"], one["hd95_mm"]) == (0.5, 2.0)
    assert one["structures"][0]["n_reference"] == 64
    assert one["reference_sha256"] == files.sha256_file(place / "ct" / "one.nii.gz")
    assert (two["dice"], two["hd95_mm"], two["structures"]) == (None, None, [])
    assert record["units"] == {"dice": "1", "hd95_mm": "mm"}
    assert capsys.readouterr().out.splitlines() == [
        "one.nii.gz: Dice 0.500, HD95 2.00 mm (1 structure)",
        "two.nii.gz: no structure in either (0 structures)",
    ]


def test_two_files_and_chosen_structures(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["overlap", "ct/one.nii.gz", "ct/one.nii.gz", "--labels", "1,2"]) == 0
    assert "Dice 1.000, HD95 0.00 mm (2 structures)" in capsys.readouterr().out
    assert place.is_dir()


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        ("ct nowhere", "E100", "nowhere"),
        ("ct sct/one.nii.gz", "E100", "one.nii.gz in one folder only"),
        ("ct more", "E100", "three.nii.gz in one folder only"),
        ("empty empty", "E100", "no label map"),
        ("ct/one.nii.gz more/three.nii.gz", "E130", "shapes (12, 11, 9) and (12, 11, 8)"),
        ("ct/one.nii.gz half.nii.gz", "E123", "no labels"),
        ("ct/one.nii.gz colour.nii.gz", "E122", "colour"),
        ("ct sct --labels 1,x", "E001", "--labels 1,x"),
        ("ct sct --labels 0", "E001", "--labels 0"),
    ],
)
def test_refusals(place: Path, words: str, code: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "more").mkdir()
    (place / "empty").mkdir()
    for name in ("one", "two", "three"):
        io.write(Volume(np.ones((12, 11, 8), np.uint8), AFFINE), place / "more" / f"{name}.nii.gz")
    io.write(Volume(np.full(SHAPE, 0.5, np.float32), AFFINE), place / "half.nii.gz")
    io.write(Volume(np.zeros((*SHAPE, 3), np.uint8), AFFINE), place / "colour.nii.gz")
    check_error(f"overlap {words}", code, part, capsys)
