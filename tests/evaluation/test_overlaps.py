"""Segmentations are compared pair by pair, and what cannot be compared is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from transmodal.errors import InputError
from transmodal.evaluation import overlaps
from transmodal.volumes import Volume, io


def _labels(path: Path, moved: int = 0, spacing: float = 2.0) -> Path:
    voxels = np.zeros((12, 12, 12), np.uint8)
    voxels[2 + moved : 8 + moved, 2:8, 2:8] = 1
    path.parent.mkdir(exist_ok=True)
    io.write(Volume(voxels, np.diag([spacing, 2.0, 2.0, 1.0])), path)
    return path


def test_a_cube_that_moved_by_one_voxel(tmp_path: Path) -> None:
    files = _labels(tmp_path / "a.nii.gz"), _labels(tmp_path / "b.nii.gz", moved=1)
    (case,) = overlaps.write_overlaps(*files, output=tmp_path / "new" / "out.json")
    assert case.overall.dice == pytest.approx(5 / 6)
    assert case.overall.hd95_mm == pytest.approx(2.0)
    (record,) = json.loads((tmp_path / "new" / "out.json").read_text())["cases"]
    assert record["dice"] == pytest.approx(5 / 6)
    assert overlaps.text([case]) == "a.nii.gz: Dice 0.833, HD95 2.00 mm (1 structure)"


def test_without_an_output_nothing_is_written(tmp_path: Path) -> None:
    path = _labels(tmp_path / "a.nii.gz")
    assert overlaps.write_overlaps(path, path) == overlaps.compare_segmentations(path, path)
    assert list(tmp_path.iterdir()) == [path]


def test_other_grids_and_values_that_are_no_labels_are_refused(tmp_path: Path) -> None:
    first, second = _labels(tmp_path / "a.nii.gz"), _labels(tmp_path / "b.nii.gz", spacing=3.0)
    with pytest.raises(InputError, match="segmentations of shapes") as caught:
        overlaps.compare_segmentations(first, second)
    assert caught.value.code == "E130"
    half = Volume(np.full((2, 2, 2), 0.5, np.float32), np.eye(4))
    with pytest.raises(InputError, match="no labels"):
        overlaps.label_map(half)
