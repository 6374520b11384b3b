"""Archives as they are: kinds mixed in a series, damaged files, cone beams, and whose the cases are."""

from __future__ import annotations

import csv
import stat
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from transmodal import cli
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.layouts.dicom import Options, find
from transmodal.cohorts.prepare.survey import survey
from transmodal.commands import _sources
from transmodal.errors import InputError, UsageError
from transmodal.volumes import Volume, io
from transmodal.volumes.formats.dicom.headers import Damage, read_headers
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series
from transmodal.volumes.reading import Reading

AFFINE = np.diag([-1.0, -1.5, 2.0, 1.0])


def series(
    folder: Path,
    description: str = "t1_mprage_sag",
    modality: str = "MR",
    patient: str = "Zzyzxdoe^Jane",
    study: str = "1.2.3",
    **elements: object,
) -> Path:
    voxels = (
        np.random.default_rng(len(description))
        .integers(-900 if modality == "CT" else 1, 900, (6, 5, 6))
        .astype(np.int16)
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    write_series(Volume(voxels, AFFINE), folder, SeriesAbout(modality, description, patient, study, "1.2.9"))
    edit(folder, **elements)
    return folder


def edit(folder: Path, **elements: object) -> None:
    for path in folder.iterdir():
        one = pydicom.dcmread(path)
        for keyword, value in elements.items():
            setattr(one, keyword, value)
        one.save_as(path)


def into_one_series(folder: Path, *parts: Path) -> None:
    """Put the files of several series into one folder under one UID, as scanners send echoes and phases."""
    folder.mkdir(parents=True, exist_ok=True)
    for n, part in enumerate(parts):
        for path in part.iterdir():
            one = pydicom.dcmread(path)
            one.SeriesInstanceUID = "1.2.3.4.5"
            one.save_as(folder / f"IM{n}{path.stem}")


def test_two_echoes_of_one_series_are_two_modalities(tmp_path: Path) -> None:
    spin_echo = {"ScanningSequence": "SE", "RepetitionTime": 3200}
    first = series(tmp_path / "a", "pd+t2_tse_tra", EchoTime=13, EchoNumbers=1, **spin_echo)
    second = series(tmp_path / "b", "pd+t2_tse_tra", EchoTime=101, EchoNumbers=2, **spin_echo)
    into_one_series(tmp_path / "archive" / "s", first, second)
    (case,) = find(tmp_path / "archive").cases
    assert {what: len(paths) for what, paths in case.series.items()} == {"pd": 6, "t2": 6}
    loaded = case.load()
    assert loaded.volumes["t2"].voxels.shape == (6, 5, 6)


def test_phase_images_of_a_series_are_left_aside(tmp_path: Path) -> None:
    first = series(tmp_path / "a", ImageType=["ORIGINAL", "PRIMARY", "M", "ND"])
    second = series(tmp_path / "b", ImageType=["ORIGINAL", "PRIMARY", "P", "ND"])
    into_one_series(tmp_path / "archive" / "s", first, second)
    found = find(tmp_path / "archive")
    assert {what: len(paths) for what, paths in found.cases[0].series.items()} == {"t1": 6}
    assert any("6 images (its modality is not clear: phase" in line for line in found.ignored)


def test_mosaics_are_left_aside_by_name(tmp_path: Path) -> None:
    series(tmp_path / "a")
    series(tmp_path / "b", "t2_tse", ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])
    found = find(tmp_path)
    assert list(found.cases[0].series) == ["t1"]
    assert any("a Siemens mosaic; convert it with dcm2niix" in line for line in found.ignored)


@pytest.mark.parametrize(
    ("description", "elements", "modality"),
    [
        ("CBCT pelvis", {}, "cbct"),
        (
            "head",
            {"ManufacturerModelName": "On-Board Imager", "Manufacturer": "Varian Medical Systems"},
            "cbct",
        ),
        ("VolumeView", {"Manufacturer": "ELEKTA", "ManufacturerModelName": "XVI"}, "cbct"),
        ("kV Cone Beam", {}, "cbct"),
        ("head", {"ManufacturerModelName": "SOMATOM Confidence"}, "ct"),
        ("Planning CT", {"Manufacturer": "Varian"}, "ct"),
        ("Legs DVT", {}, "ct"),
        ("Calcium score, perforation?", {}, "ct"),
        ("MVCT", {}, ""),
        ("sCT from Dixon", {}, ""),
        ("MRCAT", {}, ""),
        ("Synthetic CT", {}, ""),
        ("Perfusion CBF", {}, ""),
        ("Iodine map", {}, ""),
    ],
)
def test_a_cone_beam_is_no_planning_ct(
    description: str, elements: dict[str, object], modality: str, tmp_path: Path
) -> None:
    series(tmp_path / "t1")
    series(tmp_path / "x", description, "CT", **elements)
    assert set(find(tmp_path).cases[0].series) == {"t1", modality} - {""}


def test_both_cts_of_a_case_are_told_apart(tmp_path: Path) -> None:
    series(tmp_path / "a", "head 2 mm", "CT")
    series(tmp_path / "b", "XVI", "CT")
    assert set(find(tmp_path).cases[0].series) == {"cbct", "ct"}


def test_a_file_that_is_no_slice_does_not_stop_the_search(tmp_path: Path) -> None:
    series(tmp_path / "good")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "blob.dcm").write_bytes(b"\0" * 500)
    (tmp_path / "good" / "leftover").write_bytes(b"whatever")
    found = find(tmp_path)
    assert len(found.cases) == 1
    text = "\n".join(found.ignored)
    assert "odd/blob.dcm (blob.dcm holds nothing but zeros at its start)" in text
    assert "good/leftover" in text


@pytest.mark.parametrize("content", [b"", b"\0" * 900, b"<html>404</html>", None])
def test_a_damaged_slice_leaves_its_case_out_by_name(content: bytes | None, tmp_path: Path) -> None:
    series(tmp_path / "a" / "s")
    series(tmp_path / "b" / "s", patient="Other^One", study="1.2.8")
    last = tmp_path / "a" / "s" / "0006.dcm"
    last.write_bytes(last.read_bytes()[132:] if content is None else content)
    found = find(tmp_path)
    assert len(found.cases) == 1
    assert len(found.left_out) == 1
    assert "0006.dcm" in found.left_out[0]
    assert "a slice may be missing" in found.left_out[0]


def test_where_every_case_lacks_a_slice_the_damage_is_the_error(tmp_path: Path) -> None:
    folder = series(tmp_path / "a" / "s")
    (folder / "0006.dcm").write_bytes(b"")
    with pytest.raises(InputError, match=r"0006\.dcm is empty") as caught:
        find(tmp_path)
    assert caught.value.code == "E102"


def test_need_narrows_what_is_taken(tmp_path: Path) -> None:
    series(tmp_path / "a")
    series(tmp_path / "b", "t2_tse")
    series(tmp_path / "c", "t2_flair")
    series(tmp_path / "d", "t2_flair again")
    found = find(tmp_path, Options(need=("t1", "t2")))
    assert set(found.cases[0].series) == {"t1", "t2"}
    assert sum("which need= does not name" in line for line in found.ignored) == 2


def test_a_key_says_whose_the_cases_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    series(tmp_path / "archive" / "a", StudyDate="20200102")
    key = tmp_path / "key.csv"
    words = ["prepare", "dicom", str(tmp_path / "archive"), "--dry-run"]
    assert cli.run([*words, "--key", str(key)]) == 0
    shown = capsys.readouterr()
    assert "zzyzx" not in (shown.out + shown.err).lower()
    with key.open(newline="", encoding="utf-8") as stream:
        (row,) = csv.DictReader(stream)
    (case,) = find(tmp_path / "archive").cases
    assert (row["case"], row["patient"]) == (case.id, case.patient)
    assert (row["patient_id"], row["patient_name"], row["study_date"]) == (
        "Zzyzxdoe^Jane",
        "Zzyzxdoe^Jane",
        "20200102",
    )
    assert (row["modality"], row["n_images"]) == ("t1", "6")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert cli.run([*words, "--key", str(key)]) == 2
    assert "keys are not replaced" in capsys.readouterr().err


def test_a_key_does_not_lie_in_the_cohort(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    series(tmp_path / "archive" / "a")
    words = ["prepare", "dicom", str(tmp_path / "archive"), "-o", str(tmp_path / "cohort")]
    (tmp_path / "cohort").mkdir()
    assert cli.run([*words, "--key", str(tmp_path / "cohort" / "key.csv")]) == 2
    assert "E005" in capsys.readouterr().err


def test_layouts_without_pseudonyms_have_no_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = tmp_path / "subjects" / "anna" / "t1.nii.gz"
    image.parent.mkdir(parents=True)
    io.write(Volume(np.ones((4, 4, 4), np.int16), AFFINE), image)
    words = ["prepare", "folders", str(tmp_path / "subjects"), "--dry-run", "--key", str(tmp_path / "k.csv")]
    assert cli.run(words) == 2
    assert "E004" in capsys.readouterr().err


def test_lines_of_an_archive_hold_no_patients_names(tmp_path: Path) -> None:
    folder = series(tmp_path / "ZZYZXDOE_Jane" / "t1", "t1 of Zzyzxdoe")
    (folder / "zzyzxdoe_report.pdf").write_text("x")
    (folder / "ZZYZXDOE.dcm").write_bytes(b"")
    series(tmp_path / "other", patient="Other^One", study="1.2.8")
    found = find(tmp_path)
    assert "zzyzx" not in "\n".join([*found.ignored, *found.left_out]).lower()


def test_sidecars_hold_counts_and_hashes_and_no_names(tmp_path: Path) -> None:
    folder = series(tmp_path / "ZZYZXDOE_JANE")
    for path in folder.iterdir():
        path.rename(folder / f"Zzyzxdoe_{path.name}")
    job = _sources.Job("x", {"t1": folder}, tmp_path / "fa.nii.gz")
    origin = job.origins()["t1"]
    assert isinstance(origin, dict)
    assert (origin["name"], origin["n_files"], len(origin["sha256"])) == ("DICOM series", 6, 64)
    case = CaseFiles("c", "p", {"t1": folder})
    assert case.origins()["t1"].name == "DICOM series"
    assert "zzyzx" not in repr((job.origins(), case.load().origins)).lower()


def rt_object(folder: Path, modality: str, **elements: object) -> None:
    """A structure set or a plan of the patient's study, or a dose that grows along z, in the CT's frame."""
    classes = {"RTSTRUCT": "481.3", "RTPLAN": "481.5", "RTDOSE": "481.2"}
    kind = f"1.2.840.10008.5.1.4.1.1.{classes[modality]}"
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = kind, generate_uid()
    one = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    one.SOPClassUID, one.SOPInstanceUID = kind, meta.MediaStorageSOPInstanceUID
    one.PatientID, one.PatientName, one.StudyInstanceUID = "Zzyzxdoe^Jane", "Zzyzxdoe^Jane", "1.2.3"
    one.Modality, one.SeriesInstanceUID, one.FrameOfReferenceUID = modality, generate_uid(), "1.2.9"
    if modality == "RTDOSE":
        one.DoseUnits, one.DoseSummationType, one.DoseGridScaling = "GY", "PLAN", "0.5"
        one.NumberOfFrames, one.Rows, one.Columns = 4, 5, 6
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
        one.BitsAllocated = one.BitsStored = 16
        one.HighBit, one.PixelRepresentation = 15, 0
        one.PixelSpacing, one.ImageOrientationPatient = [3.0, 2.0], [1, 0, 0, 0, 1, 0]
        one.ImagePositionPatient, one.GridFrameOffsetVector = [-2.0, -3.0, -4.0], [0.0, 4.0, 8.0, 12.0]
        one.PixelData = np.broadcast_to(np.arange(4, 12, 2, "<u2")[:, None, None], (4, 5, 6)).tobytes()
    for keyword, value in elements.items():
        setattr(one, keyword, value)
    folder.mkdir(parents=True, exist_ok=True)
    one.save_as(folder / f"{modality}{one.SOPInstanceUID[-9:]}.dcm", enforce_file_format=True)


@pytest.fixture
def radiotherapy(tmp_path: Path) -> Path:
    """CT, MR, structure set, plan, and a dose with one of its beams, in one archive."""
    root = tmp_path / "archive"
    series(root / "ct", "planning", "CT")
    series(root / "mr")
    for modality in ("RTSTRUCT", "RTPLAN", "RTDOSE"):
        rt_object(root / "rt", modality)
    rt_object(root / "rt", "RTDOSE", DoseSummationType="BEAM", SeriesInstanceUID="1.2.3.4")
    return root


def test_an_archive_of_radiotherapy_is_images_by_modality(radiotherapy: Path) -> None:
    found = find(radiotherapy)
    (case,) = found.cases
    assert set(case.series) == {"ct", "t1", "dose"}
    ignored = "\n".join(found.ignored)
    for words in ("(RTSTRUCT, no image)", "(RTPLAN, no image)", "a dose of a beam, not of the whole plan"):
        assert words in ignored
    loaded = case.load()
    assert loaded.volumes["dose"].grid.same_as(loaded.volumes["ct"].grid)
    # 2 Gy at z = -4 mm and 0.25 Gy more with each millimetre; the CT's slices lie at 0, 2, ... 10 mm.
    expected = 2 + 0.25 * (4 + 2 * np.arange(5.0))
    np.testing.assert_allclose(
        loaded.volumes["dose"].voxels[..., :5], np.broadcast_to(expected, (6, 5, 5)), rtol=1e-5
    )
    assert not [finding.faults for finding in survey([case]) if finding.faults]


def test_a_dose_comes_along_where_the_ct_is_registered(radiotherapy: Path) -> None:
    (case,) = find(radiotherapy, Options(onto="t1")).cases
    assert [repr(step) for step in case.steps] == [
        "Laid(modality='dose', fixed='t1')",
        "Onto(fixed='t1', moving='ct', along=(), limit_mm=2.0)",
    ]
    edit(radiotherapy / "mr", FrameOfReferenceUID="1.2.99")
    (case,) = find(radiotherapy, Options(onto="t1")).cases
    assert [repr(step) for step in case.steps] == [
        "Laid(modality='dose', fixed='ct')",
        "Onto(fixed='t1', moving='ct', along=('dose',), limit_mm=2.0)",
    ]


def test_need_leaves_a_dose_aside(radiotherapy: Path) -> None:
    (case,) = find(radiotherapy, Options(need=("ct", "t1"))).cases
    assert set(case.series) == {"ct", "t1"}
    assert case.steps == ()


def test_subjects_are_chosen_by_id_or_pseudonym(tmp_path: Path) -> None:
    series(tmp_path / "a")
    series(tmp_path / "b", patient="Other^One", study="1.2.8")
    every = find(tmp_path).cases
    assert len(every) == 2
    (chosen,) = find(tmp_path, Options(subjects=("Other^One",))).cases
    assert find(tmp_path, Options(subjects=(chosen.patient,))).cases == [chosen]
    assert find(tmp_path, Options(subjects=(chosen.id,))).cases == [chosen]
    with pytest.raises(UsageError, match="subjects=Nobody") as caught:
        find(tmp_path, Options(subjects=("Nobody",)))
    assert caught.value.code == "E001"


def test_one_series_of_a_folder_is_named(tmp_path: Path) -> None:
    for n, name in enumerate(("t1", "t2"), 1):
        part = series(tmp_path / name, f"{name}_tse", SeriesNumber=n)
        for path in part.iterdir():
            (tmp_path / "all").mkdir(exist_ok=True)
            path.rename(tmp_path / "all" / f"{name}{path.name}")
        part.rmdir()
    rt_object(tmp_path / "all", "RTSTRUCT")
    with pytest.raises(InputError, match="--series") as caught:
        io.read(tmp_path / "all")
    assert caught.value.code == "E121"
    second = io.read(tmp_path / "all", Reading(series="2"))
    assert second.voxels.shape == (6, 5, 6)
    with pytest.raises(UsageError, match="without series 7"):
        io.read(tmp_path / "all", Reading(series="7"))
    io.write(second, tmp_path / "x.nii.gz")
    with pytest.raises(UsageError, match="series 2 of x") as refused:
        io.read(tmp_path / "x.nii.gz", Reading(series="2"))
    assert refused.value.code == "E004"


def test_translate_offers_the_series(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["translate", "--help"]) == 0
    assert "--series" in capsys.readouterr().out


def test_no_word_of_a_patient_gets_into_a_cohort_or_onto_the_screen(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said = "Zzyzxdoe was here"
    for n, modality in enumerate(("MR", "CT")):
        folder = series(tmp_path / "archive" / "Zzyzxdoe" / modality, "t1_mprage", modality)
        edit(
            folder,
            **dict.fromkeys(
                (
                    "InstitutionName",
                    "ReferringPhysicianName",
                    "StudyDescription",
                    "OperatorsName",
                    "PatientComments",
                ),
                said,
            ),
            PatientBirthName=said,
            AccessionNumber="Zzyzxdoe",
        )
        for path in folder.iterdir():
            one = pydicom.dcmread(path)
            one.add_new((0x0011, 0x0010), "LO", "ZZYZXDOE PRIVATE")
            one.add_new((0x0011, 0x1001), "LT", said)
            one.add_new((0x0010, 0x1010), "IS", "3")
            path.write_bytes(b"")
            one.save_as(path)
            raw = path.read_bytes().replace(b"\x10\x00\x10\x10IS\x02\x003 ", b"\x10\x00\x10\x10AS\x02\x00Zz")
            path.with_name(f"{n}_ZZYZXDOE_{path.name}").write_bytes(raw)
            path.unlink()
    words = ["prepare", "dicom", str(tmp_path / "archive"), "--split", "1:0:0"]
    for more in (["--dry-run"], ["-o", str(tmp_path / "cohort")]):
        assert cli.run([*words, *more]) == 0
    shown = "".join(capfd.readouterr()).replace(str(tmp_path), "").lower()
    assert "zzyzx" not in shown.replace("zzyzx/", "")
    kept = [path for path in (tmp_path / "cohort").rglob("*") if path.is_file()]
    assert kept
    assert not [
        path.name
        for path in kept
        if b"zzyzx" in path.read_bytes().lower() or b"zzyzx" in path.name.lower().encode()
    ]


@pytest.mark.parametrize("names", ["7c4a8d09 3e1f b2 c0ffee 9 0", "E D C B F A", "IM1 IM2 IM3 IM4 IM5 IM6"])
def test_a_cut_slice_is_missed_whatever_slices_are_called(names: str, tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    series(tmp_path / "other", patient="Zzyzxdoe^Joe", study="1.2.7")
    for path, name in zip(sorted(folder.iterdir()), names.split(), strict=True):
        path.rename(folder / name)
    victim = folder / names.split()[-1]
    whole = victim.read_bytes()
    for length in (0, 1, *range(100, 620, 13)):
        victim.write_bytes(whole[:length])
        found = find(tmp_path)
        assert len(found.cases) == 1, length
        assert "a slice may be missing" in found.left_out[0]


def test_a_stray_file_of_another_kind_is_passed_over(tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    for path in folder.iterdir():
        path.rename(folder / path.stem)
    (folder / "protocol.xyz").write_text("no image")
    assert len(find(tmp_path).cases) == 1


def test_a_cut_dose_is_no_bystander(tmp_path: Path) -> None:
    folder = series(tmp_path / "s", "plan", "CT")
    path = folder / "0001.dcm"
    one = pydicom.dcmread(path)
    one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.2"
    one.Modality = "RTDOSE"
    one.save_as(path)
    path.write_bytes(path.read_bytes()[:600])
    (entry,) = read_headers([path], 1 << 30)
    assert isinstance(entry, Damage)
