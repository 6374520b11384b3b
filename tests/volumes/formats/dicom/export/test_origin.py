"""Of whom a synthetic series is: read from DICOM, told by the user, or said to be unknown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from dicom_files import N_SLICES, series
from transmodal.errors import InputError
from transmodal.volumes.formats.dicom.export.origin import ELEMENTS, PLACEHOLDER, placeholder, read_origin


def named(header: Dataset, _: int) -> None:
    header.SpecificCharacterSet = "ISO_IR 100"
    header.PatientName, header.PatientID, header.StudyDate = "Mädler^Örn", "77", "20240229"
    header.SeriesNumber, header.InstitutionName = 4, "Hospital"


def test_patient_study_and_images_are_the_series_own(tmp_path: Path) -> None:
    origin = read_origin([series(tmp_path / "mr", change=named)])
    assert str(origin.elements.PatientName) == "Mädler^Örn"
    assert (origin.elements.PatientID, origin.elements.StudyDate) == ("77", "20240229")
    assert (origin.elements.StudyInstanceUID, origin.elements.FrameOfReferenceUID) == ("1.2.3", "1.2.9")
    assert len(set(origin.images)) == len(origin.images) == N_SLICES
    assert origin.number == 1004
    assert not origin.is_placeholder
    # The institution is nothing that a synthetic series has to say.
    assert {element.keyword for element in origin.elements} <= set(ELEMENTS)


def test_a_series_without_a_frame_gets_one_of_its_own(tmp_path: Path) -> None:
    def without(header: Dataset, _: int) -> None:
        del header.FrameOfReferenceUID

    folder = series(tmp_path / "mr", change=without)
    frames = {str(read_origin([folder]).elements.FrameOfReferenceUID) for _ in range(2)}
    assert len(frames) == 1
    assert frames != {""}


@pytest.mark.parametrize("keyword", ["PatientID", "FrameOfReferenceUID"])
def test_sources_of_two_patients_or_frames_are_refused(tmp_path: Path, keyword: str) -> None:
    def other(header: Dataset, _: int) -> None:
        setattr(header, keyword, "5.5")

    folders = [series(tmp_path / "a"), series(tmp_path / "b", change=other)]
    with pytest.raises(InputError, match=f"differ in {keyword}") as refused:
        read_origin(folders)
    assert "5.5" not in str(refused.value)
    with pytest.raises(InputError, match=keyword):
        read_origin(folders[:1]).with_frame_of(read_origin(folders[1:]))
    assert len(read_origin([folders[0], series(tmp_path / "c")]).images) == 2 * N_SLICES


def test_an_empty_laterality_does_not_go_over(tmp_path: Path) -> None:
    """Scanners write it empty, and of a head it may not be there."""

    def of_side(value: str) -> Callable[[Dataset, int], None]:
        return lambda header, _: setattr(header, "Laterality", value)

    assert "Laterality" not in read_origin([series(tmp_path / "head", change=of_side(""))]).elements
    assert read_origin([series(tmp_path / "knee", change=of_side("L"))]).elements.Laterality == "L"


def test_a_series_of_no_study_is_refused(tmp_path: Path) -> None:
    def without(header: Dataset, _: int) -> None:
        header.StudyInstanceUID = ""

    with pytest.raises(InputError, match="no StudyInstanceUID"):
        read_origin([series(tmp_path / "mr", change=without)])


def test_what_no_header_says_is_told_or_unknown() -> None:
    nobody, told = placeholder(seed="a"), placeholder("77", "1.2.3", seed="a")
    assert nobody.elements.PatientID.startswith(f"{PLACEHOLDER}-")
    assert nobody.elements.PatientID != placeholder(seed="b").elements.PatientID
    assert nobody.is_placeholder
    assert (told.elements.PatientID, told.elements.StudyInstanceUID, told.is_placeholder) == (
        "77",
        "1.2.3",
        False,
    )
    uids = [placeholder(seed=seed).elements.StudyInstanceUID for seed in "aab"]
    assert uids[0] == uids[1] != uids[2]
