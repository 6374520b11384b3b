"""Label maps as DICOM Segmentations: the same labels on the source's slices, and no error of dciodvfy's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK
from highdicom.seg import segread
from numpy.typing import NDArray

from dicom_files import SHAPE, series
from dicom_tools import dciodvfy_errors, needs
from transmodal.errors import InputError, IntegrityError
from transmodal.volumes import Grid, Volume, io
from transmodal.volumes.formats.dicom.export import segmentation
from transmodal.volumes.formats.dicom.export.segmentation import Segment, write_segmentation
from transmodal.volumes.formats.dicom.series import read_order
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series

SEGMENTS = {2: Segment("brain", "12738006", "Brain"), 7: Segment("lesion")}


def drawn() -> NDArray[np.int64]:
    """Labels 2 and 7, none in the last slice."""
    labels = np.random.default_rng(1).choice([0, 2, 7], SHAPE)
    labels[:, :, -1] = 0
    return labels


def dated(header: pydicom.Dataset, _: int) -> None:
    header.StudyDate, header.StudyTime, header.PatientName = "20240229", "101112", "Doe^Jane"


@needs("dciodvfy")
@pytest.mark.parametrize("algorithm", ["", "TotalSegmentator 2"])
def test_a_segmentation_is_of_its_source(tmp_path: Path, algorithm: str) -> None:
    folder = series(tmp_path / "mr", change=dated)
    slices, _ = read_order(folder)
    for name in ("a.dcm", "b.dcm"):
        write_segmentation(drawn(), tmp_path / name, slices, SEGMENTS, algorithm)
    assert dciodvfy_errors(tmp_path / "a.dcm") == []
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()
    header, source = pydicom.dcmread(tmp_path / "a.dcm"), slices[0].dataset
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert header[keyword].value == source[keyword].value
    assert (header.Modality, header.SeriesNumber, header.ContentDate) == ("SEG", 2001, "20240229")
    instances = header.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert {str(item.ReferencedSOPInstanceUID) for item in instances} <= {
        s.text("SOPInstanceUID") for s in slices
    }
    first, second = header.SegmentSequence
    assert (first.SegmentLabel, second.SegmentLabel) == ("brain", "lesion")
    assert first.SegmentAlgorithmType == ("AUTOMATIC" if algorithm else "MANUAL")
    kinds = [item.SegmentedPropertyTypeCodeSequence[0] for item in (first, second)]
    assert [(kind.CodingSchemeDesignator, kind.CodeValue) for kind in kinds] == [
        ("SCT", "12738006"),
        ("99TRANSMODAL", "LABEL-7"),
    ]


LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def test_labels_lie_on_the_slices_that_they_were_drawn_on(tmp_path: Path) -> None:
    """Read by highdicom through the slices' UIDs, and by SimpleITK frame by frame with the frames' own places."""
    shape = (8, 5, 6)  # whole bytes a frame, without which SimpleITK's GDCM reads the bits of others
    affine = np.diag([-1.0, -1.5, -2.0, 1.0])
    write_series(
        Volume(np.ones(shape, np.int16), affine),
        tmp_path / "mr",
        SeriesAbout("MR", "t1", "A1", "1.2.3", "1.2.9"),
    )
    slices, grid = read_order(tmp_path / "mr")
    assert grid.same_as(io.read(tmp_path / "mr").grid)
    labels = np.random.default_rng(1).choice([0, 2, 7], shape)
    labels[:, :, -1] = 0
    write_segmentation(labels, tmp_path / "a.dcm", slices, SEGMENTS)
    for header in map(pydicom.dcmread, (tmp_path / "mr").iterdir()):
        k = plane_number(grid, header)
        (plane,) = segread(tmp_path / "a.dcm").get_pixels_by_source_instance(
            [header.SOPInstanceUID], combine_segments=True, assert_missing_frames_are_empty=True
        )
        np.testing.assert_array_equal(np.array([0, 2, 7])[plane], labels[:, :, k].T)
    frames: NDArray[Any] = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "a.dcm")))
    for frame, about in zip(
        frames, pydicom.dcmread(tmp_path / "a.dcm").PerFrameFunctionalGroupsSequence, strict=True
    ):
        label = (2, 7)[about.SegmentIdentificationSequence[0].ReferencedSegmentNumber - 1]
        k = plane_number(grid, about.PlanePositionSequence[0])
        np.testing.assert_array_equal(frame > 0, label == labels[:, :, k].T)


def plane_number(grid: Grid, header: pydicom.Dataset) -> int:
    """Return which slice of a grid lies at a place."""
    place = LPS @ np.array([*header.ImagePositionPatient, 1.0], float)
    return round(grid.voxel(place[:3])[2])


def test_of_a_synthetic_series_it_says_so(tmp_path: Path) -> None:
    def marked(header: pydicom.Dataset, _: int) -> None:
        header.SyntheticData = "YES"

    slices, _ = read_order(series(tmp_path / "ct", "CT", change=marked))
    write_segmentation(drawn(), tmp_path / "a.dcm", slices, {})
    header = pydicom.dcmread(tmp_path / "a.dcm")
    assert (header.SyntheticData, header.SeriesDescription) == ("YES", "Segmentation of SYNTHETIC CT")
    assert [item.SegmentLabel for item in header.SegmentSequence] == ["label 2", "label 7"]


def test_no_label_and_no_study_are_refused(tmp_path: Path) -> None:
    slices, _ = read_order(series(tmp_path / "mr"))
    with pytest.raises(InputError, match="without a label") as refused:
        write_segmentation(np.zeros(SHAPE, int), tmp_path / "a.dcm", slices, {})
    assert refused.value.code == "E103"
    del slices[0].dataset.StudyInstanceUID
    with pytest.raises(InputError, match="no StudyInstanceUID"):
        write_segmentation(drawn(), tmp_path / "a.dcm", slices, {})


def test_one_that_reads_back_otherwise_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slices, _ = read_order(series(tmp_path / "mr"))
    monkeypatch.setattr(segmentation, "_read_frames", lambda path, slices: np.zeros(SHAPE[::-1]))
    with pytest.raises(IntegrityError, match="does not read back"):
        write_segmentation(drawn(), tmp_path / "a.dcm", slices, {})
    assert [path.name for path in tmp_path.iterdir()] == ["mr"]
