"""The verb `segmentation`: label maps of other axes, tables of names, grids that do not fit, places that are taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from highdicom.seg import segread

import transmodal
from dicom_files import series
from dicom_tools import dciodvfy_errors, needs
from refusals import refusal
from transmodal.commands._segmenting import segmentation
from transmodal.volumes import Volume, io
from transmodal.volumes.formats.dicom.export.segmentation import _read_frames
from transmodal.volumes.formats.dicom.series import read_order
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series
from transmodal.volumes.geometry.reorient import crop_or_pad, reorient, resample


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A series, its mask by a threshold as NIfTI in another order of axes, and names."""
    monkeypatch.chdir(tmp_path)
    source = io.read(series(tmp_path / "mr"))
    bright = source.with_voxels((source.voxels > 500).astype(np.uint8) * 3)
    io.write(reorient(bright, "PSR"), tmp_path / "mask.nii.gz")
    (tmp_path / "names.tsv").write_text("label\tname\tcode\tmeaning\n3\tbright tissue\t85756007\tTissue\n")
    return tmp_path


def test_a_mask_in_any_order_of_axes_lies_on_its_series(place: Path) -> None:
    assert transmodal.segmentation("mask.nii.gz", "mr", "out/seg.dcm") == Path("out/seg.dcm")
    slices, _ = read_order(place / "mr")
    voxels = io.read(place / "mr").voxels
    frames = _read_frames(place / "out" / "seg.dcm", slices)
    np.testing.assert_array_equal(frames, voxels.transpose(2, 1, 0) > 500)
    assert pydicom.dcmread("out/seg.dcm").SegmentSequence[0].SegmentLabel == "label 3"


@needs("dciodvfy")
@pytest.mark.usefixtures("folders")
def test_the_region_of_a_translation_lies_on_its_series() -> None:
    source = io.read("source-t1.nii.gz")
    whole = source.with_voxels(np.rint(source.voxels).astype(np.int16))
    write_series(whole, Path("mr_series"), SeriesAbout("MR", "t1", "77", "1.2.3", "1.2.9", 7))
    transmodal.translate("run", "mr_series", "synthetic", form="dicom", gate="off")
    whole_model = transmodal.load("run")
    model = replace(whole_model, preprocessing=replace(whole_model.preprocessing, region="body"))
    translation = model.translate(transmodal.read("mr_series"), gate="off")
    assert translation.region is not None
    transmodal.write(translation.region, "region.nii.gz")
    transmodal.segmentation("region.nii.gz", "synthetic", "region.dcm", algorithm="Transmodal")
    assert dciodvfy_errors(Path("region.dcm")) == []
    slices, _ = read_order(Path("synthetic"))
    read = segread("region.dcm")
    assert read.SyntheticData == "YES"
    assert read.FrameOfReferenceUID == slices[0].text("FrameOfReferenceUID")
    labels = read.get_pixels_by_source_instance([one.text("SOPInstanceUID") for one in slices])
    placed = resample(translation.region, io.read("synthetic").grid, how="nearest").voxels
    np.testing.assert_array_equal(labels[..., 0], placed.transpose(2, 1, 0))
    assert 0 < labels.mean() < 1


def test_another_grid_is_refused_and_resampled_where_that_is_said(place: Path) -> None:
    source = io.read(place / "mr")
    affine = source.affine @ np.diag([0.5, 0.5, 1.0, 1.0])
    fine = np.repeat(np.repeat((source.voxels > 500).astype(np.uint8), 2, 0), 2, 1)
    affine[:3, 3] -= (source.affine[:3, 0] + source.affine[:3, 1]) / 4
    io.write(Volume(fine, affine), place / "fine.nii.gz")
    error = refusal(lambda: segmentation("fine.nii.gz", "mr", "seg.dcm"))
    assert error.startswith(
        "error[E130]: fine.nii.gz on another grid than the series (12 x 10 x 6 voxels of 0.5"
    )
    assert error.endswith("--resample.")
    segmentation("fine.nii.gz", "mr", "seg.dcm", resamples=True)
    frames = _read_frames(Path("seg.dcm"), read_order(place / "mr")[0])
    np.testing.assert_array_equal(frames, (source.voxels > 500).transpose(2, 1, 0))


def test_labels_beyond_the_series_are_not_cut_off(place: Path) -> None:
    source = io.read(place / "mr")
    wide = crop_or_pad(source.with_voxels(np.ones(source.voxels.shape, np.uint8)), (8, 7, 8), fill=1)
    io.write(wide, place / "wide.nii.gz")
    assert "outside the series' field of view" in refusal(
        lambda: segmentation("wide.nii.gz", "mr", "seg.dcm")
    )
    roomy = crop_or_pad(wide.with_voxels(np.zeros(wide.voxels.shape, np.uint8)), (8, 7, 8))
    roomy.voxels[4, 3, 4] = 1
    io.write(roomy, place / "roomy.nii.gz")
    segmentation("roomy.nii.gz", "mr", "seg.dcm")
    assert _read_frames(Path("seg.dcm"), read_order(place / "mr")[0]).sum() == 1


@pytest.mark.parametrize(
    ("output", "words"), [("seg.nii.gz", "ends in .dcm"), ("taken.dcm", "is there already")]
)
def test_places_that_do_not_do_are_refused(place: Path, output: str, words: str) -> None:
    (place / "taken.dcm").write_text("mine")
    error = refusal(lambda: segmentation("mask.nii.gz", "mr", output))
    assert words in error
    assert (place / "taken.dcm").read_text() == "mine"
