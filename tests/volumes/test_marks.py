from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import generate_uid

from transmodal.volumes import Volume, io
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series
from transmodal.volumes.marks import holds_only_synthetic, is_marked_synthetic

VOLUME = Volume(np.zeros((3, 4, 5), np.int16), np.eye(4))


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_descrip_tells(name: str, tmp_path: Path) -> None:
    io.write(VOLUME, tmp_path / name, description="SYNTHETIC ct, transmodal 1")
    assert is_marked_synthetic(tmp_path / name)
    io.write(VOLUME, tmp_path / name, description="not SYNTHETIC")
    assert not is_marked_synthetic(tmp_path / name)


def test_a_long_side_makes_another_header_which_tells_too(tmp_path: Path) -> None:
    io.write(
        Volume(np.zeros((33000, 1, 1), np.uint8), np.eye(4)), tmp_path / "a.nii", description="SYNTHETIC ct"
    )
    assert is_marked_synthetic(tmp_path / "a.nii")


@pytest.mark.parametrize("is_synthetic", [True, False])
def test_a_dicom_series_tells(is_synthetic: bool, tmp_path: Path) -> None:
    about = SeriesAbout("CT", "sCT", "p", generate_uid(), generate_uid(), synthetic=is_synthetic)
    write_series(VOLUME, tmp_path / "series", about)
    assert is_marked_synthetic(tmp_path / "series") == is_synthetic


def test_other_formats_hold_no_mark(tmp_path: Path) -> None:
    io.write(VOLUME, tmp_path / "a.mha", description="SYNTHETIC")
    assert not is_marked_synthetic(tmp_path / "a.mha")


def test_a_folder_of_synthetic_series_alone_may_be_replaced(tmp_path: Path) -> None:
    volume = Volume(np.zeros((3, 4, 2), np.int16), np.eye(4))
    for synthetic in (True, False):
        about = SeriesAbout("CT", "a test", "test", "1.2.3", "1.2.9", synthetic=synthetic)
        write_series(volume, tmp_path / str(synthetic), about)
    assert holds_only_synthetic(tmp_path / "True")
    assert not holds_only_synthetic(tmp_path / "False")
    (tmp_path / "True" / "list.txt").write_text("of mine")
    assert not holds_only_synthetic(tmp_path / "True")
    assert not holds_only_synthetic(tmp_path)
