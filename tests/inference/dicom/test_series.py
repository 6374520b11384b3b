"""Translations as DICOM series, read back by other people's tools: the same grid, the same values, and no error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.dataset import Dataset

from dicom_files import N_SLICES, series
from dicom_synthetic import translation
from dicom_tools import call, dciodvfy_errors, needs
from transmodal.errors import IntegrityError, UsageError
from transmodal.inference.dicom.parametric_map import MapForm
from transmodal.inference.dicom.series import SeriesForm, dicom_modality, maker_of
from transmodal.inference.provenance.checks import list_checks
from transmodal.inference.translation import Translation
from transmodal.volumes import Volume, io
from transmodal.volumes.formats.dicom import writing
from transmodal.volumes.formats.dicom.export.deidentification import Pseudonyms
from transmodal.volumes.formats.dicom.export.origin import placeholder, read_origin
from transmodal.volumes.geometry.reorient import resample

PLANES = {
    "AXIAL": [1, 0, 0, 0, 1, 0],
    "SAGITTAL": [0, 1, 0, 0, 0, -1],
    "CORONAL": [1, 0, 0, 0, 0, -1],
}
CANARIES = ("CANARY^NAME", "CANARYID", "19770707", "CANARYPHYS", "CANARYSTUDY", "CANARYACC")


def in_plane(plane: str) -> Any:  # noqa: ANN401 - a function that changes a slice
    """Return a change of slices: a patient of canaries, and slices that lie in a plane, 2.5 mm apart."""

    def change(header: Dataset, n: int) -> None:
        orientation = np.array(PLANES[plane], float)
        normal = np.cross(orientation[:3], orientation[3:])
        header.ImageOrientationPatient = list(orientation)
        header.ImagePositionPatient = [float(value) for value in (-20.0, 31.5, -7.0) + 2.5 * n * normal]
        header.SliceThickness = 2.5
        header.PatientName, header.PatientID, header.StudyDate = CANARIES[0], CANARIES[1], CANARIES[2]
        header.ReferringPhysicianName, header.StudyDescription = CANARIES[3], CANARIES[4]
        header.AccessionNumber, header.StudyTime, header.StudyID = CANARIES[5], "121314", "5"

    return change


def written(tmp_path: Path, plane: str, target: str = "ct", **more: Any) -> tuple[Translation, Path]:  # noqa: ANN401
    source = series(tmp_path / "mr", change=in_plane(plane))
    made, folder = translation(io.read(source), target), tmp_path / "out" / "series"
    made.write(folder, form=SeriesForm(target, read_origin([source]), **more))
    return made, folder


@needs("dciodvfy")
@pytest.mark.parametrize("target", ["ct", "t2"])
@pytest.mark.parametrize("plane", PLANES)
def test_every_image_is_marked_and_dciodvfy_finds_no_error(tmp_path: Path, plane: str, target: str) -> None:
    _, folder = written(tmp_path, plane, target)
    headers = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    assert len(headers) == N_SLICES
    for header in headers:
        assert list(header.ImageType) == ["DERIVED", "SECONDARY", plane]
        assert header.SyntheticData == "YES"
        assert header.SeriesDescription == f"SYNTHETIC {target.upper()}"
        assert header.DerivationDescription.startswith("SYNTHETIC. Not a medical device.")
        assert "ab" * 32 in header.ContributingEquipmentSequence[0].ContributionDescription
        assert len(header.SourceImageSequence) == N_SLICES
        assert (str(header.PatientName), header.PatientID) == CANARIES[:2]
        assert (header.StudyInstanceUID, header.FrameOfReferenceUID) == ("1.2.3", "1.2.9")
        assert (header.StudyDate, header.StudyTime) == (CANARIES[2], "121314")
        assert header.SeriesNumber == 1001
    assert len({header.SOPInstanceUID for header in headers}) == N_SLICES
    assert len({header.SeriesInstanceUID for header in headers}) == 1
    sources = {pydicom.dcmread(path).SeriesInstanceUID for path in (tmp_path / "mr").iterdir()}
    assert not sources & {header.SeriesInstanceUID for header in headers}
    for path in folder.iterdir():
        assert dciodvfy_errors(path) == []


@needs("dcm2niix", "dcmdump", "dcm2pnm")
@pytest.mark.parametrize("plane", PLANES)
def test_peers_read_the_same_grid_and_hu(tmp_path: Path, plane: str) -> None:
    made, folder = written(tmp_path, plane)
    call("dcm2niix", "-z", "n", "-f", "back", "-o", tmp_path, folder)
    image = nib.load(tmp_path / "back.nii")  # type: ignore[attr-defined]
    theirs = Volume(np.asarray(image.dataobj), image.affine)
    np.testing.assert_array_equal(
        resample(theirs, made.volume.grid, how="nearest").voxels, made.volume.voxels
    )
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    itk = reader.Execute()
    affine = np.eye(4)
    affine[:3, :3] = np.array(itk.GetDirection()).reshape(3, 3) * itk.GetSpacing()
    affine[:3, 3] = itk.GetOrigin()
    theirs = Volume(SimpleITK.GetArrayFromImage(itk).transpose(2, 1, 0), np.diag([-1.0, -1, 1, 1]) @ affine)
    np.testing.assert_array_equal(
        resample(theirs, made.volume.grid, how="nearest").voxels, made.volume.voxels
    )
    first = sorted(folder.iterdir())[0]
    dump = call("dcmdump", first)
    assert f"[DERIVED\\SECONDARY\\{plane}]" in dump
    assert "[HU]" in dump
    call("dcm2pnm", "--write-raw-pnm", "--min-max-window", first, tmp_path / "slice.pgm")
    assert (tmp_path / "slice.pgm").read_bytes().startswith(b"P5")


def test_series_and_sidecar_belong_together(tmp_path: Path) -> None:
    made, folder = written(tmp_path, "SAGITTAL", "t2")
    sidecar = folder.with_name("series.json")
    record = json.loads(sidecar.read_text())
    assert record["dicom"] == {
        "modality": "MR",
        "plane": "SAGITTAL",
        "deidentified": False,
        "n_source_images": N_SLICES,
    }
    step = float(np.ptp(made.volume.voxels)) / 65535
    assert record["notes"] == [
        "first",
        f"DICOM holds whole numbers: values are rounded to steps of {step:.3g}",
    ]
    assert not any(canary in sidecar.read_text() for canary in CANARIES)
    assert [check.find_fault() for check in list_checks(folder)] == [None, None]
    path = sorted(folder.iterdir())[2]
    header = pydicom.dcmread(path)
    header.PixelData = header.PixelData[:-2] + b"\x01\x00"
    header.save_as(path)
    faults = [check.find_fault() for check in list_checks(folder)]
    assert [fault is None for fault in faults] == [True, False]


def test_de_identified_series_hold_nothing_of_the_patient(tmp_path: Path) -> None:
    _, folder = written(tmp_path, "AXIAL", pseudonyms=Pseudonyms(b"k" * 32))
    for path in folder.iterdir():
        content = path.read_bytes()
        assert not any(canary.encode() in content for canary in (*CANARIES, "A1", "121314"))
        header = pydicom.dcmread(path)
        assert header.PatientIdentityRemoved == "YES"
        assert (header.StudyDate, header.StudyTime) == ("", "")
        assert header.SyntheticData == "YES"
        assert "1.2.3" not in (header.StudyInstanceUID, header.FrameOfReferenceUID)


def test_the_same_translation_is_the_same_bytes(tmp_path: Path) -> None:
    _, first = written(tmp_path, "AXIAL")
    made = translation(io.read(tmp_path / "mr"))
    made.write(tmp_path / "again", form=SeriesForm("ct", read_origin([tmp_path / "mr"])))
    for path in first.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_a_series_that_reads_back_otherwise_is_no_series(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = io.read(series(tmp_path / "mr"))
    pixels = writing._set_pixels
    monkeypatch.setattr(writing, "_set_pixels", lambda one, plane, *more: pixels(one, plane * 0, *more))
    with pytest.raises(IntegrityError, match="does not read back") as refused:
        translation(source).write(tmp_path / "out", form=SeriesForm("ct", placeholder(seed="a")))
    assert refused.value.code == "E503"
    assert [path.name for path in tmp_path.iterdir()] == ["mr"]
    assert "placeholder" in " ".join(SeriesForm("ct", placeholder(seed="a")).notes(source))


def test_targets_are_ct_or_mr() -> None:
    assert [dicom_modality(name) for name in ("ct", "cbct", "t1", "fa", "swi")] == [
        "CT",
        "CT",
        "MR",
        "MR",
        "MR",
    ]
    for name in ("pet", "colour"):
        with pytest.raises(UsageError, match="as DICOM"):
            dicom_modality(name)


def test_a_word_that_is_burned_in_is_said_to_be(tmp_path: Path) -> None:
    source = Volume(np.zeros((70, 30, 2), np.int16), np.diag([-1.0, -1.0, 2.0, 1.0]))
    made = translation(source)
    form = SeriesForm("ct", placeholder(seed="a"), is_burned_in=True)
    made.write(tmp_path / "s", form=form)
    headers = [pydicom.dcmread(path) for path in (tmp_path / "s").iterdir()]
    assert {header.BurnedInAnnotation for header in headers} == {"YES"}
    assert any("burned into every slice" in note for note in form.notes(source))
    back = resample(io.read(tmp_path / "s"), source.grid, how="nearest").voxels
    assert 0 < (back != made.volume.voxels).mean() < 0.4
    made.write(tmp_path / "plain", form=SeriesForm("ct", placeholder(seed="a")))
    assert pydicom.dcmread(next((tmp_path / "plain").iterdir())).BurnedInAnnotation == "NO"


def test_letters_of_another_character_set_come_over(tmp_path: Path) -> None:
    def named(header: Dataset, _: int) -> None:
        header.SpecificCharacterSet, header.PatientName = "ISO_IR 100", "Mädler^Örn"

    source = series(tmp_path / "mr", change=named)
    made = translation(io.read(source))
    for name, form in (
        ("s", SeriesForm("ct", read_origin([source]))),
        ("m", MapForm("ct", read_origin([source]))),
    ):
        made.write(tmp_path / name, form=form)
        header = pydicom.dcmread(next((tmp_path / name).iterdir()))
        assert header.PatientName == "Mädler^Örn"
        assert header.SpecificCharacterSet == "ISO_IR 192"


def test_a_series_has_the_uid_and_the_words_that_it_is_told(tmp_path: Path) -> None:
    origin = placeholder("P", seed="a")
    form = SeriesForm("ct", origin, description="of our study" + "x" * 80, series="1.2.3.4")
    source = Volume(np.zeros((6, 5, 4), np.int16), np.eye(4))
    translation(source).write(tmp_path / "ct", form=form)
    headers = [pydicom.dcmread(path) for path in (tmp_path / "ct").iterdir()]
    assert {header.SeriesInstanceUID for header in headers} == {"1.2.3.4"}
    (words,) = {header.SeriesDescription for header in headers}
    assert words.startswith("SYNTHETIC of our studyx")
    assert len(words) == 64


def test_a_series_of_several_runs_names_them_all() -> None:
    record = {
        "tool": {"name": "transmodal", "version": "1"},
        "recipe": "mrnet",
        "target": "ct",
        "checkpoint": {"manifest_sha256": "a" * 64},
    }
    assert maker_of(record)[2:4] == ("mrnet", "a" * 64)
    runs = [{"checkpoint": {"manifest_sha256": letter * 64}} for letter in "abc"]
    several = maker_of({**record, "ensemble": {"combine": "mean", "runs": runs}})
    assert several[2:4] == ("ensemble of 3, mrnet", f"{'a' * 64} and {'b' * 12} and {'c' * 12}")
