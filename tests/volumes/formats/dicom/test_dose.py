"""RT Dose: Gy on its own grid, planes where they say they lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RTDoseStorage, generate_uid

from transmodal.errors import InputError
from transmodal.volumes import io

STORED = np.random.default_rng(1).integers(0, 60000, (4, 5, 6)).astype("<u4")


def dose(folder: Path, **elements: Any) -> Path:  # noqa: ANN401 - whatever an element holds
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = RTDoseStorage, generate_uid()
    one = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    one.SOPClassUID, one.SOPInstanceUID = RTDoseStorage, meta.MediaStorageSOPInstanceUID
    one.PatientID, one.StudyInstanceUID, one.SeriesInstanceUID = "A1", "1.2.3", generate_uid()
    one.Modality, one.FrameOfReferenceUID = "RTDOSE", "1.2.9"
    one.DoseUnits, one.DoseType, one.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    one.DoseGridScaling = "0.001"
    one.NumberOfFrames, one.Rows, one.Columns = STORED.shape
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.BitsAllocated = one.BitsStored = 32
    one.HighBit, one.PixelRepresentation = 31, 0
    one.PixelSpacing = [2.0, 1.5]
    one.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    one.ImagePositionPatient = [-10.0, 20.0, -30.0]
    one.GridFrameOffsetVector = [0.0, 2.5, 5.0, 7.5]
    one.PixelData = STORED.tobytes()
    for keyword, value in elements.items():
        setattr(one, keyword, value)
    folder.mkdir(parents=True, exist_ok=True)
    one.save_as(folder / f"RD{one.SOPInstanceUID[-8:]}.dcm", enforce_file_format=True)
    return folder


@pytest.mark.parametrize(
    ("offsets", "step", "first"),
    [
        ([0.0, 2.5, 5.0, 7.5], 2.5, -30.0),
        ([0.0, -2.5, -5.0, -7.5], -2.5, -30.0),
        ([-30.0, -27.5, -25.0, -22.5], 2.5, -30.0),
    ],
)
def test_a_dose_is_read_in_gray_on_its_grid(
    offsets: list[float], step: float, first: float, tmp_path: Path
) -> None:
    volume = io.read(dose(tmp_path / "d", GridFrameOffsetVector=offsets))
    np.testing.assert_allclose(volume.voxels, STORED.transpose(2, 1, 0) * 0.001, rtol=1e-6)
    for i, j, k in ((0, 0, 0), (5, 4, 3), (2, 1, 3)):
        lps = np.array([-10 + 1.5 * i, 20 + 2.0 * j, first + step * k])
        np.testing.assert_allclose((volume.affine @ [i, j, k, 1])[:3], lps * [-1, -1, 1], atol=1e-9)


@pytest.mark.parametrize(
    ("elements", "code"),
    [
        ({"DoseUnits": "RELATIVE"}, "E105"),
        ({"DoseGridScaling": "0"}, "E105"),
        ({"GridFrameOffsetVector": [0.0, 2.5, 5.0, 9.0]}, "E103"),
        ({"GridFrameOffsetVector": [0.0, 0.0, 0.0, 0.0]}, "E103"),
        ({"GridFrameOffsetVector": [4.0, 6.5, 9.0, 11.5]}, "E103"),
        ({"GridFrameOffsetVector": [0.0, 2.5, 5.0]}, "E103"),
        ({"PixelData": STORED.tobytes()[:-8]}, "E101"),
    ],
    ids=str,
)
def test_a_dose_that_makes_no_sense_is_refused(
    elements: dict[str, object], code: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        io.read(dose(tmp_path / "d", **elements))
    assert caught.value.code == code


def test_several_grids_are_refused(tmp_path: Path) -> None:
    dose(tmp_path / "d", SeriesInstanceUID="1.2.7", SOPInstanceUID="1.2.7.11111111")
    dose(tmp_path / "d", SeriesInstanceUID="1.2.7", SOPInstanceUID="1.2.7.22222222")
    with pytest.raises(InputError, match="2 dose grids") as caught:
        io.read(tmp_path / "d")
    assert caught.value.code == "E121"
