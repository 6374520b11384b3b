"""Translations as DICOM by the command and the function: which folder, whose patient, what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

import transmodal
from dicom_tools import dciodvfy_errors, needs
from recorded_progress import RecordedProgress
from transmodal import DicomWords, cli
from transmodal.errors import InputError, TransmodalError, UsageError
from transmodal.volumes import Volume, io
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series
from transmodal.volumes.geometry.planning.grid import planning_grid

ABOUT = SeriesAbout("MR", "t1 mprage", "CANARYID", "1.2.3", "1.2.9", 7)


@pytest.fixture
def place(folders: Path) -> Path:
    """Return a folder with a run, a NIfTI source and the same as DICOM."""
    source = io.read("source-t1.nii.gz")
    whole = source.with_voxels(np.rint(source.voxels).astype(np.int16))
    write_series(whole, Path("mr_series"), ABOUT)
    return folders


@needs("dciodvfy")
def test_a_dicom_source_becomes_a_series_of_its_patient(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["translate", "run", "mr_series", "-o", "out/fa", "--as", "dicom", "--force"]) == 0
    assert capsys.readouterr().out.split()[-1] == "out/fa"
    for path in Path("out/fa").iterdir():
        header = pydicom.dcmread(path)
        assert (header.PatientID, header.StudyInstanceUID) == ("CANARYID", "1.2.3")
        assert (header.FrameOfReferenceUID, header.SeriesNumber) == ("1.2.9", 1007)
        assert header.Modality == "MR"
        assert header.SyntheticData == "YES"
        assert dciodvfy_errors(path) == []
    record = json.loads(Path("out/fa.json").read_text())
    assert record["dicom_options"] == {"patient": "source", "study": "source", "deidentify": False}
    assert "CANARY" not in Path("out/fa.json").read_text()
    assert io.read("out/fa").grid == io.read("mr_series").grid
    assert cli.run(["verify", "out/fa", "--run", "run"]) == 0
    assert cli.run(["verify", "out"]) == 0
    assert cli.run(["reproduce", "out/fa.json", "--source", "mr_series", "--run", "run", "-o", "again"]) == 0
    assert [path.read_bytes() for path in sorted(Path("again").iterdir())] == [
        path.read_bytes() for path in sorted(Path("out/fa").iterdir())
    ]
    capsys.readouterr()
    Path("out/fa.json").unlink()
    assert cli.run(["verify", "out"]) == 5
    assert "fa is synthetic and has no sidecar" in " ".join(capsys.readouterr().out.split())


def test_what_is_there_already_is_kept_and_nothing_else_is_replaced(place: Path) -> None:
    transmodal.translate("run", "mr_series", "fa", form="dicom", gate="off")
    times = [path.stat().st_mtime_ns for path in sorted(Path("fa").iterdir())]
    progress = RecordedProgress()
    transmodal.translate("run", "mr_series", "fa", form="dicom", gate="off", progress=progress)
    assert "it is kept" in " ".join(progress.lines)
    assert [path.stat().st_mtime_ns for path in sorted(Path("fa").iterdir())] == times
    with pytest.raises(UsageError, match="exists") as refused:
        transmodal.translate("run", "mr_series", "fa", form=DicomWords(deidentify=True), gate="off")
    assert refused.value.code == "E005"
    (image,) = transmodal.translate(
        "run", "mr_series", "fa", form=DicomWords(deidentify=True), gate="off", overwrite=True
    )
    assert any("do not hide a face" in note for note in image.notes)
    assert {pydicom.dcmread(path).PatientIdentityRemoved for path in Path("fa").iterdir()} == {"YES"}
    for folder in ("mr_series", "."):
        with pytest.raises(UsageError, match=r"no synthetic DICOM|is the source") as refused:
            transmodal.translate("run", "source-t1.nii.gz", folder, form="dicom", overwrite=True, gate="off")
    (Path("fa") / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="no synthetic DICOM"):
        transmodal.translate("run", "source-t1.nii.gz", "fa", form="dicom", overwrite=True, gate="off")


@needs("dciodvfy")
def test_a_nifti_source_is_of_whom_the_user_says_or_of_nobody(place: Path) -> None:
    (image,) = transmodal.translate("run", "source-t1.nii.gz", "nobody", form="dicom", gate="off")
    assert any("--patient says it" in note for note in image.notes)
    assert image.notes == tuple(json.loads(image.sidecar.read_text())["notes"])
    assert pydicom.dcmread(next(Path("nobody").iterdir())).PatientID.startswith("UNKNOWN-")
    words = DicomWords(patient="77", study="1.2.77", body_part="head")
    transmodal.translate("run", "source-t1.nii.gz", "told", form=words, gate="off")
    header = pydicom.dcmread(next(Path("told").iterdir()))
    assert (header.PatientID, header.StudyInstanceUID) == ("77", "1.2.77")
    assert '"77"' not in Path("told.json").read_text()
    assert header.BodyPartExamined == "HEAD"
    for path in Path("told").iterdir():
        assert dciodvfy_errors(path) == []
    # Of an unknown part of the body nobody knows whether it has two sides.
    for path in Path("nobody").iterdir():
        assert [error for error in dciodvfy_errors(path) if "<Laterality>" not in error] == []


def test_several_sources_become_a_folder_each(place: Path) -> None:
    images = transmodal.translate("run", "cohort", "out", split="all", form="dicom", gate="off")
    assert len(images) > 1
    assert all(image.image.is_dir() and image.image.parent == Path("out") for image in images)
    assert len({image.image for image in images}) == len(images)
    patients = {pydicom.dcmread(next(image.image.iterdir())).PatientID for image in images}
    assert len(patients) == len(images)
    with pytest.raises(UsageError, match="for 6 volumes"):
        transmodal.translate("run", "cohort", "out2", split="all", form=DicomWords(patient="7"), gate="off")


def test_one_key_gives_one_pseudonym(place: Path) -> None:
    for folder in ("a", "b"):
        transmodal.translate(
            "run", "mr_series", folder, form=DicomWords(deidentify=True, uid_key=Path("key")), gate="off"
        )
    first, second = (pydicom.dcmread(next(Path(folder).iterdir())) for folder in ("a", "b"))
    assert first.PatientID == second.PatientID
    assert first.PatientID.startswith("ANON-")
    assert "CANARYID" not in str(first)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("source-t1.nii.gz -o fa.nii.gz --deidentify", "without --as dicom"),
        ("source-t1.nii.gz -o fa.nii.gz --patient 7", "without --as dicom"),
        ("source-t1.nii.gz -o fa --as dicom --uid-key key", "--uid-key without --deidentify"),
        ("source-t1.nii.gz -o fa --as dicom --spacing 1,1,3", "--spacing without --grid"),
        ("source-t1.nii.gz -o fa --as dicom --grid axial --spacing 1,3", "three numbers"),
        ("source-t1.nii.gz -o fa --as dicom --grid axial --onto mr_series", "one of the two"),
        ("source-t1.nii.gz -o fa --as dicom --onto-series 3", "--onto-series without --onto"),
        ("source-t1.nii.gz -o fa --as parametric-map --burn-in", "--burn-in of a parametric map"),
        ("mr_series -o fa --as dicom --burn-in --force", "a word burned into slices"),
        ("source-t1.nii.gz -o fa.nii.gz --as dicom", "a folder for the series"),
        ("source-t1.nii.gz -o fa --as dicom --disagreement", "--disagreement with --as dicom"),
        ("mr_series -o fa --as dicom --patient 7 --force", "the identity that its headers say"),
    ],
)
def test_what_does_not_go_together_is_refused(
    place: Path, words: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["translate", "run", *words.split()]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not Path("fa").exists()


def test_a_target_that_is_no_dicom_image_is_refused_before_anything_is_read(place: Path) -> None:
    from transmodal.commands._dicom_out import DicomOptions, as_series

    with pytest.raises(TransmodalError, match="colour as DICOM"):
        as_series([], Path("out"), "colour", DicomOptions())


def test_series_of_other_volumes_are_other_series(place: Path) -> None:
    write_series(Volume(io.read("mr_series").voxels + 3, io.read("mr_series").affine), Path("mr2"), ABOUT)
    for source, folder in (("mr_series", "a"), ("mr2", "b")):
        transmodal.translate("run", source, folder, form="dicom", gate="off")
    first, second = (pydicom.dcmread(next(Path(folder).iterdir())) for folder in ("a", "b"))
    assert first.SeriesInstanceUID != second.SeriesInstanceUID
    assert first.StudyInstanceUID == second.StudyInstanceUID


def test_an_axial_grid_has_the_spacing_that_is_asked_for(place: Path) -> None:
    words = DicomWords(grid="axial", spacing="2,3,4")
    (image,) = transmodal.translate("run", "mr_series", "fa", form=words, gate="off")
    volume = io.read("fa")
    assert volume.orientation == "LPS"
    np.testing.assert_allclose(volume.spacing, (2, 3, 4))
    assert (volume.voxels.shape[0] % 2, volume.voxels.shape[1] % 2) == (0, 0)
    record = json.loads(image.sidecar.read_text())
    assert record["dicom_options"]["spacing_mm"] == [2, 3, 4]
    assert 0 < record["field_of_view"]["covered"] <= 1
    assert any("resampled from the source's grid" in note for note in image.notes)
    assert transmodal.verify("fa").is_whole
    again = transmodal.reproduce("fa.json", "mr_series", run="run")
    assert again.is_equal


def test_a_series_written_onto_another_has_its_grid_and_frame(place: Path) -> None:
    grid = planning_grid(io.read("mr_series").grid, (2, 2, 2))
    write_series(Volume(np.zeros(grid.shape, np.int16), grid.affine), Path("plan"), ABOUT)
    transmodal.translate("run", "mr_series", "fa", form=DicomWords(onto=Path("plan")), gate="off")
    assert io.read("fa").grid.same_as(io.read("plan").grid)
    header = pydicom.dcmread(next(Path("fa").iterdir()))
    assert header.FrameOfReferenceUID == ABOUT.frame
    sources = {item.ReferencedSOPInstanceUID for item in header.SourceImageSequence}
    assert sources == {pydicom.dcmread(path).SOPInstanceUID for path in Path("mr_series").iterdir()}
    # A source without an identity has that of the series that it is written onto.
    transmodal.translate("run", "source-t1.nii.gz", "fa2", form=DicomWords(onto=Path("plan")), gate="off")
    header = pydicom.dcmread(next(Path("fa2").iterdir()))
    assert (header.PatientID, header.FrameOfReferenceUID) == (ABOUT.patient, ABOUT.frame)
    assert "SourceImageSequence" not in header
    with pytest.raises(InputError, match="written onto another"):
        transmodal.reproduce("fa.json", "mr_series", run="run")


def test_of_several_series_in_the_planning_folder_one_is_named(place: Path) -> None:
    source = io.read("mr_series")
    for number in (3, 4):
        write_series(source, Path(f"plan{number}"), replace(ABOUT, number=number))
        for path in Path(f"plan{number}").iterdir():
            path.rename(path.with_stem(f"{number}_{path.stem}"))
    shutil.copytree("plan3", "plan4", dirs_exist_ok=True)
    words = DicomWords(onto=Path("plan4"))
    with pytest.raises(InputError, match="holds 2 series") as refused:
        transmodal.translate("run", "mr_series", "fa", form=words, gate="off")
    assert "--onto-series" in refused.value.remedy
    with pytest.raises(UsageError, match="without series 5"):
        transmodal.translate("run", "mr_series", "fa", form=replace(words, onto_series="5"), gate="off")
    (image,) = transmodal.translate(
        "run", "mr_series", "fa", form=replace(words, onto_series="4"), series="7", gate="off"
    )
    assert io.read("fa").grid.same_as(source.grid)
    assert json.loads(image.sidecar.read_text())["dicom_options"]["onto_series"] == "4"


@pytest.mark.parametrize(
    ("change", "remedy"), [({"frame": "1.2.8"}, "Register"), ({"patient": "another"}, "Check which series")]
)
def test_another_frame_or_patient_is_refused_before_anything_is_translated(
    place: Path, change: dict[str, str], remedy: str
) -> None:
    source = io.read("mr_series")
    write_series(source, Path("plan"), replace(ABOUT, **change))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="differ in") as refused:
        transmodal.translate("run", "mr_series", "fa", form=DicomWords(onto=Path("plan")))
    assert refused.value.code == "E130"
    assert remedy in refused.value.remedy
    assert not Path("fa").exists()


def test_a_registered_image_lies_in_the_other_frame_and_one_beside_it_is_refused(place: Path) -> None:
    source = io.read("mr_series")
    write_series(source, Path("plan"), replace(ABOUT, frame="1.2.8"))
    io.write(source, Path("registered.nii.gz"))
    words = DicomWords(onto=Path("plan"))
    transmodal.translate("run", "registered.nii.gz", "fa", form=words, gate="off")
    header = pydicom.dcmread(next(Path("fa").iterdir()))
    assert (header.FrameOfReferenceUID, header.PatientID) == ("1.2.8", ABOUT.patient)
    far = source.affine.copy()
    far[0, 3] += 1000
    io.write(Volume(source.voxels, far), Path("far.nii.gz"))
    with pytest.raises(InputError, match="wholly outside"):
        transmodal.translate("run", "far.nii.gz", "fa2", form=words, gate="off")
    assert not Path("fa2").exists()


def test_a_parametric_map_is_written_kept_verified_and_made_again(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["translate", "run", "mr_series", "-o", "fa", "--as", "parametric-map", "--force"]) == 0
    assert [path.name for path in Path("fa").iterdir()] == ["map.dcm"]
    (image,) = transmodal.translate("run", "mr_series", "fa2", form="parametric-map", gate="off")
    assert transmodal.verify("fa2").is_whole
    assert json.loads(image.sidecar.read_text())["dicom_options"]["object"] == "parametric-map"
    progress = RecordedProgress()
    transmodal.translate("run", "mr_series", "fa2", form="parametric-map", gate="off", progress=progress)
    assert "it is kept" in " ".join(progress.lines)
