"""Slices that do not make one volume are refused before their pixels are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from dicom_files import series
from transmodal.errors import InputError
from transmodal.volumes import io
from transmodal.volumes.formats.dicom.checks import check_one_volume
from transmodal.volumes.formats.dicom.headers import read_images
from transmodal.volumes.formats.dicom.slice_header import Slice


def headers_of(folder: Path, modality: str, change: Callable[[Dataset, int], object]) -> list[Slice]:
    series(folder, modality, lambda one, n: change(one, n) and None)
    return read_images(sorted(folder.iterdir()), "s", 1 << 20)


@pytest.mark.parametrize("missing", ["RescaleSlope", "RescaleIntercept"])
def test_ct_without_its_rescale_is_refused(missing: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=missing) as caught:
        io.read(series(tmp_path / "s", "CT", lambda one, n: delattr(one, missing)))
    assert caught.value.code == "E105"


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("Rows", 4), ("PixelSpacing", [1.5, 1.002]), ("FrameOfReferenceUID", "1.2.3"), ("SamplesPerPixel", 3)],
)
def test_slices_that_differ_are_named_with_the_element(keyword: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"0001.dcm and 0003.dcm differ in {keyword}") as refused:
        check_one_volume(
            "s", headers_of(tmp_path / "s", "MR", lambda one, n: n == 2 and setattr(one, keyword, value))
        )
    assert refused.value.code == "E103"


def test_multi_frame_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"multi-frame object.*dcm2niix") as refused:
        check_one_volume(
            "s", headers_of(tmp_path / "s", "MR", lambda one, n: setattr(one, "NumberOfFrames", 2))
        )
    assert refused.value.code == "E102"


def test_rescale_is_asked_of_ct_alone(tmp_path: Path) -> None:
    def drop(one: Dataset, _: int) -> None:
        for keyword in ("RescaleSlope", "RescaleIntercept"):
            if keyword in one:
                delattr(one, keyword)

    check_one_volume("s", headers_of(tmp_path / "mr", "MR", drop))
    with pytest.raises(InputError, match="without RescaleSlope and RescaleIntercept"):
        check_one_volume("s", headers_of(tmp_path / "ct", "CT", drop))
