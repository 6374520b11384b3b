"""Elements of one DICOM header as text and numbers; the words of its patient are known, and masked in its name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from transmodal.errors import InputError
from transmodal.volumes.formats.dicom.slice_header import Slice


def header(name: str = "0001.dcm", **elements: object) -> Slice:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return Slice(Path(name), dataset)


def test_elements_are_text_words_and_numbers() -> None:
    slice_header = header(Modality="MR", ImageType=["ORIGINAL", "M"], EchoTime="4.5", FlipAngle="")
    assert slice_header.text("Modality") == "MR"
    assert slice_header.words("ImageType") == ("ORIGINAL", "M")
    assert slice_header.words("Modality") == ("MR",)
    assert slice_header.number("EchoTime") == 4.5
    assert (
        slice_header.text("StudyID"),
        slice_header.words("StudyID"),
        slice_header.number("FlipAngle"),
    ) == ("", (), None)


def test_numbers_are_as_many_as_asked_for_and_finite() -> None:
    slice_header = header(PixelSpacing=[2.0, 0.5], ImagePositionPatient=[0, 1, 2])
    np.testing.assert_array_equal(slice_header.numbers("PixelSpacing", 2), [2.0, 0.5])
    np.testing.assert_array_equal(slice_header.numbers("RescaleSlope", default=1), [1])
    with pytest.raises(InputError, match="a ImagePositionPatient that makes no sense") as refused:
        slice_header.numbers("ImagePositionPatient", 2)
    assert refused.value.code == "E103"
    assert "finite" in refused.value.expected


@pytest.mark.parametrize(("keyword", "code"), [("PixelSpacing", "E111"), ("RescaleSlope", "E103")])
def test_an_element_that_is_missing_is_named(keyword: str, code: str) -> None:
    with pytest.raises(InputError, match=f"has no {keyword}") as refused:
        header().numbers(keyword)
    assert refused.value.code == code


def test_private_elements_are_none_where_there_are_none() -> None:
    slice_header = header()
    assert slice_header.element((0x0019, 0x100A)) is None
    slice_header.dataset.add_new((0x0019, 0x100A), "US", 36)
    assert slice_header.element((0x0019, 0x100A)) == 36


def test_the_words_of_a_patient_are_masked_in_the_name_and_those_of_imaging_are_not() -> None:
    slice_header = header("doe_flair_wombat_7.dcm", PatientName="Doe^Jane", StudyDescription="Wombat flair")
    assert {"doe", "jane", "wombat"} <= slice_header.identity
    assert "flair" not in slice_header.identity
    assert slice_header.name == "***_flair_***_7.dcm"
