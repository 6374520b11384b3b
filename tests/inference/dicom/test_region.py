"""The region of a run beside its series: asked for by `translate --with-region`, kept, renewed, refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from highdicom.seg import segread

from dicom_tools import dciodvfy_errors, needs
from refusals import refusal
from transmodal import DicomWords, cli, translate
from transmodal.commands import _reproducing, _volume_work
from transmodal.inference.dicom.region import check_region, write_region
from transmodal.inference.load import load
from transmodal.inference.model import Model
from transmodal.inference.translation import Translation
from transmodal.volumes import io
from transmodal.volumes.formats.dicom.series import read_order
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series
from transmodal.volumes.geometry.reorient import resample

WORDS = ["translate", "run", "mr_series", "-o", "out/fa", "--as", "dicom", "--force", "--with-region"]


EARLIER = Path(__file__).parents[2] / "contract" / "earlier"


@pytest.fixture
def earlier_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a run of version 0.1.0, beside its source, which is the working directory."""
    copy = shutil.copytree(EARLIER, tmp_path / "earlier")
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture
def place(earlier_run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that translates the body, and a DICOM source."""
    source = io.read("source-t1.nii.gz")
    whole = source.with_voxels(np.rint(source.voxels).astype(np.int16))
    write_series(whole, Path("mr_series"), SeriesAbout("MR", "t1", "77", "1.2.3", "1.2.9", 7))

    def load_of_body(run: Path, **words: str) -> Model:
        model = load(run, **words)  # type: ignore[arg-type]  # the words that the doors take
        return replace(model, preprocessing=replace(model.preprocessing, region="body"))

    for door in (_volume_work, _reproducing):
        monkeypatch.setattr(door, "load", load_of_body)
    return earlier_run


def labels_of(segmentation: str, series: str) -> np.ndarray:
    instances = [header.text("SOPInstanceUID") for header in read_order(Path(series))[0]]
    read = segread(segmentation)
    return np.asarray(read.get_pixels_by_source_instance(instances, assert_missing_frames_are_empty=True))[
        ..., 0
    ]


@needs("dciodvfy")
@pytest.mark.usefixtures("place")
def test_the_region_stands_beside_its_series_and_dciodvfy_finds_no_error() -> None:
    assert cli.run(WORDS) == 0
    assert dciodvfy_errors(Path("out/fa_region.dcm")) == []
    read, first = segread("out/fa_region.dcm"), read_order(Path("out/fa"))[0][0]
    assert (read.SyntheticData, read.PatientID, read.StudyInstanceUID) == ("YES", "77", "1.2.3")
    assert read.FrameOfReferenceUID == first.text("FrameOfReferenceUID") == "1.2.9"
    segment = read.SegmentSequence[0]
    assert segment.SegmentLabel == "body"
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == "38266002"
    assert segment.SegmentAlgorithmType == "AUTOMATIC"
    labels, synthetic = labels_of("out/fa_region.dcm", "out/fa"), io.read("out/fa").voxels.transpose(2, 1, 0)
    assert 0 < labels.mean() < 1
    assert np.ptp(synthetic[labels == 0]) < 1e-6  # nothing is translated there
    assert cli.run(["verify", "out"]) == 0


@pytest.mark.usefixtures("place")
def test_a_region_that_is_changed_lost_or_of_another_call_is_found(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(WORDS) == 0
    region, again = Path("out/fa_region.dcm"), ["reproduce", "out/fa.json", "--source", "mr_series"]
    assert cli.run([*again, "--run", "run", "-o", "again"]) == 0
    assert "equal: fa_region.dcm, byte for byte" in capsys.readouterr().out
    whole = region.read_bytes()
    assert Path("again_region.dcm").read_bytes() == whole
    assert pydicom.dcmread(region).ContentDate == "19000101"  # as undated as the source
    header = pydicom.dcmread(region)
    header.PatientID = "78"
    header.save_as(region)
    assert cli.run(["verify", "out"]) == 5
    assert "fa_region.dcm is not the image of its sidecar: it has other bytes" in capsys.readouterr().out
    assert cli.run(WORDS) == 2  # what lies there is not replaced unasked
    region.unlink()
    assert cli.run(["verify", "out/fa.json"]) == 5
    assert cli.run(WORDS) == 0
    assert region.read_bytes() == whole
    for path in (Path("out/fa.json"), Path("out/fa"), region):
        path.rename(path.with_name(path.name.replace("fa", "moved", 1)))
    assert cli.run(["verify", "out"]) == 0
    again = [word.replace("out/fa", "out/moved") for word in WORDS[:-1]]
    assert cli.run([*again, "--overwrite"]) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["moved", "moved.json"]


@pytest.mark.usefixtures("place")
def test_the_same_command_keeps_both_and_makes_a_region_that_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(WORDS[:-1]) == 0
    assert not Path("out/fa_region.dcm").exists()
    series = {path.name: path.read_bytes() for path in Path("out/fa").iterdir()}
    assert cli.run(WORDS) == 0
    region = segread("out/fa_region.dcm")
    capsys.readouterr()
    assert cli.run(WORDS) == 0
    assert "already there" in capsys.readouterr().err
    assert cli.run([*WORDS, "--overwrite"]) == 0
    assert segread("out/fa_region.dcm").SOPInstanceUID == region.SOPInstanceUID
    assert {path.name: path.read_bytes() for path in Path("out/fa").iterdir()} == series


@pytest.mark.usefixtures("place")
def test_a_file_of_another_kind_in_its_place_stays(capsys: pytest.CaptureFixture[str]) -> None:
    Path("out").mkdir()
    Path("out/fa_region.dcm").write_bytes(next(Path("mr_series").iterdir()).read_bytes())
    for words, said in ((WORDS, "exists; expected"), ([*WORDS, "--overwrite"], "no synthetic DICOM")):
        assert cli.run(words) == 2
        assert said in " ".join(capsys.readouterr().err.split())
    assert not Path("out/fa").exists()


@pytest.mark.usefixtures("place")
def test_on_another_grid_the_region_lies_where_the_series_lies() -> None:
    form = DicomWords(grid="axial", spacing="3,3,4", deidentify=True, with_region=True)
    translate("run", "mr_series", "axial", form=form, gate="off")
    labels, grid = labels_of("axial_region.dcm", "axial"), io.read("axial").grid
    assert labels.transpose(2, 1, 0).shape == grid.shape
    assert 0 < labels.mean() < 1
    assert segread("axial_region.dcm").PatientID != "77"


def test_a_region_that_fills_the_image_is_all_of_it(place: Path) -> None:
    source = io.read(place / "mr_series")
    write_series(
        source.with_voxels(source.voxels.astype(np.int16)), place / "s", SeriesAbout("MR", "s", "1", "1", "2")
    )
    write_region(Translation(source, None, {}, None), "brain", place / "s")
    assert labels_of("s_region.dcm", "s").all()
    part = source.with_voxels((source.voxels > source.voxels.mean()).astype(np.uint8))
    write_region(Translation(source, None, {}, part), "around_brain", place / "s")
    placed = resample(part, read_order(place / "s")[1], how="nearest").voxels
    np.testing.assert_array_equal(labels_of("s_region.dcm", "s"), placed.transpose(2, 1, 0))


@pytest.mark.usefixtures("earlier_run")
def test_runs_without_a_region_and_maps_are_refused() -> None:
    assert "translates everywhere" in refusal(lambda: check_region("whole"))
    words = DicomWords(form="parametric-map", with_region=True)
    assert "--with-region of a parametric map" in refusal(words.options)
    assert "options of DICOM without --as dicom" in refusal(DicomWords(with_region=True).options)
    assert cli.run([*WORDS[:2], "source-t1.nii.gz", *WORDS[3:]]) == 2
