from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cli_calls import check_error
from transmodal import cli
from transmodal.notice import INTENDED_USE
from transmodal.storage import files
from transmodal.volumes import Volume, io

AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
SHAPE = (12, 11, 9)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two doses of 1 % difference, and two structures; the second lies below the cut-off."""
    dose = np.full(SHAPE, 50.0, np.float32)
    dose[8:] = 2.0
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:5, 2:5, 2:5], labels[9:11, 2:5, 2:5] = 1, 4
    for name, voxels in (("a", dose), ("b", dose * np.float32(1.01)), ("labels", labels)):
        io.write(Volume(voxels, AFFINE), tmp_path / f"{name}.nii.gz")
    io.write(Volume(dose[:, :, :8], AFFINE), tmp_path / "short.nii.gz")
    return tmp_path


def test_two_doses_are_compared(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = f"dose {place}/a.nii.gz {place}/b.nii.gz --structures {place}/labels.nii.gz --at-least 20"
    assert cli.run([*line.split(), "-o", f"{place}/d.json", "--gamma-map", f"{place}/g.nii.gz"]) == 0
    record = json.loads((place / "d.json").read_text())
    assert record["intended_use"] == INTENDED_USE
    criterion = record["criterion"]
    assert (criterion["dose_percent"], criterion["distance_mm"], criterion["cutoff_percent"]) == (2, 2, 10)
    assert (criterion["normalisation"], criterion["normalisation_gy"]) == ("global", 50)
    assert record["gamma"]["pass_percent"] == 100
    assert record["gamma"]["mean"] == pytest.approx(0.5, abs=1e-4)
    assert record["gamma"]["n_points"] == 8 * 11 * 9
    first, low = record["structures"]
    assert (first["label"], low["label"]) == (1, 4)
    assert first["reference"]["v20gy_percent"] == 100
    assert first["evaluated"]["d95_gy"] == pytest.approx(50.5, abs=1e-4)
    assert low["gamma"] == {"pass_percent": None, "n_points": 0}
    assert record["inputs"]["evaluated"]["sha256"] == files.sha256_file(place / "b.nii.gz")
    assert record["gamma_map"]["sha256"] == files.sha256_file(place / "g.nii.gz")
    assert io.read(place / "g.nii.gz").voxels[9:].max() == 0
    shown = capsys.readouterr().out
    assert "Gamma 2 % / 2 mm, global, of 50 Gy, above 10 %: 100.00 % of 792 points pass" in shown
    assert "Structure 4: no point above the cut-off; mean 2 → 2.02 Gy" in shown


def test_without_a_file_to_write_the_table_is_all(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = f"dose {place}/a.nii.gz {place}/b.nii.gz --criterion 0.5%/1mm --cutoff 2% --normalisation local"
    assert cli.run([*line.split(), "--prescription", "60"]) == 0
    assert "0.5 % / 1 mm, local, of 60 Gy, above 2 %: 0.00 %" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        ("a.nii.gz short.nii.gz", "E130", "the evaluated dose of shape (12, 11, 8)"),
        ("a.nii.gz b.nii.gz --structures short.nii.gz", "E130", "the structures of shape (12, 11, 8)"),
        ("a.nii.gz b.nii.gz --structures b.nii.gz", "E123", "no labels"),
        ("a.nii.gz b.nii.gz --structures empty.nii.gz", "E124", "no structure"),
        ("a.nii.gz b.nii.gz --criterion 2/2", "E001", "--criterion 2/2"),
        ("a.nii.gz b.nii.gz --cutoff 10", "E001", "10%"),
        ("a.nii.gz b.nii.gz --criterion 0%/2mm", "E001", "positive tolerances"),
    ],
)
def test_refusals(
    place: Path,
    words: str,
    code: str,
    part: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    io.write(Volume(np.zeros(SHAPE, np.uint8), AFFINE), place / "empty.nii.gz")
    monkeypatch.chdir(place)
    check_error(f"dose {words}", code, part, capsys)
