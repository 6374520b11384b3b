"""Pixels of DICOM slices: every lossless codec gives the plain ones back, padding becomes air, lengths are held to the header."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import gdcm
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom_files import N_SLICES, series
from transmodal.errors import InputError, ResourceError
from transmodal.volumes import Volume, io
from transmodal.volumes.formats.dicom import pixels as dicom_pixels
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series

CODECS = {
    "JPEGLosslessProcess14_1": "1.2.840.10008.1.2.4.70",
    "JPEGLosslessProcess14": "1.2.840.10008.1.2.4.57",
    "JPEGLSLossless": "1.2.840.10008.1.2.4.80",
    "JPEG2000Lossless": "1.2.840.10008.1.2.4.90",
    "RLELossless": "1.2.840.10008.1.2.5",
}


def plain(folder: Path, modality: str) -> Path:
    voxels = np.random.default_rng(4).integers(-900, 1900, (9, 7, 3)).astype(np.int16)
    voxels = voxels if modality == "CT" else np.abs(voxels).astype(np.uint16)
    about = SeriesAbout(modality, "t1_mprage", "A1", "1.2.3", "1.2.9")
    write_series(Volume(voxels, np.diag([-1.0, -1.0, 2.0, 1.0])), folder, about)
    return folder


def compressed(folder: Path, codec: str) -> None:
    """Compress a series in place, with GDCM."""
    for path in folder.iterdir():
        reader = gdcm.ImageReader()
        reader.SetFileName(str(path))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, codec)))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(path))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_compressed_pixels_are_the_plain_ones(codec: str, modality: str, tmp_path: Path) -> None:
    folder = plain(tmp_path / "s", modality)
    right = io.read(folder)
    compressed(folder, codec)
    assert pydicom.dcmread(folder / "0001.dcm").file_meta.TransferSyntaxUID == CODECS[codec]
    read = io.read(folder)
    np.testing.assert_array_equal(read.voxels, right.voxels)
    assert read.grid.same_as(right.grid)


def test_a_missing_decoder_is_named_with_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = plain(tmp_path / "s", "CT")
    compressed(folder, "JPEGLSLossless")
    monkeypatch.setattr(dicom_pixels, "get_decoder", lambda syntax: SimpleNamespace(is_available=False))
    with pytest.raises(ResourceError, match=r'pip install "transmodal\[dicom\]"') as caught:
        io.read(folder)
    assert caught.value.code == "E404"
    assert "JPEG-LS Lossless" in str(caught.value)
    assert "\n" not in caught.value.line()


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("fault", ["flipped", "cut"])
def test_a_codec_that_fails_prints_no_traceback(
    codec: str,
    fault: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = plain(tmp_path / "s", "CT")
    compressed(folder, codec)
    dataset = pydicom.dcmread(folder / "0002.dcm")
    content = dataset.PixelData
    half = len(content) // 2
    dataset.PixelData = (
        content[:16] + bytes(byte ^ 0x5A for byte in content[16:half]) + content[half:]
        if fault == "flipped"
        else content[:16] + content[16:20] + b"\0" * (len(content) - 20)
    )
    dataset.save_as(folder / "0002.dcm")
    with pytest.raises(InputError) as caught:
        io.read(folder)
    assert caught.value.code == "E101"
    assert "\n" not in caught.value.line()
    assert "Traceback" not in "".join(capfd.readouterr()) + caplog.text


def test_padding_of_ct_becomes_air(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def padded(one: Dataset, n: int) -> None:
        one.RescaleIntercept = -1024
        one.add_new("PixelPaddingValue", "SS", -2000)
        pixels = one.pixel_array.copy()
        pixels[0, :3] = -2000
        one.PixelData = pixels.tobytes()

    with caplog.at_level(logging.WARNING):
        voxels = io.read(series(tmp_path / "s", "CT", padded)).voxels
    assert voxels.min() == -1024
    assert (voxels[:3, 0, :] == -1024).all()
    assert (voxels[3:, 0, :] > -1024).all()
    assert f"{3 * N_SLICES} pixels are padding by their header; set to air, -1024 HU" in caplog.text


def test_padding_that_lossy_compression_spread_becomes_air_too(tmp_path: Path) -> None:
    def padded(one: Dataset, n: int) -> None:
        one.RescaleIntercept = -1024
        one.add_new("PixelPaddingValue", "SS", -2000)
        pixels = one.pixel_array.copy()
        pixels[0, :3] = (-2000, -2971, -1950)
        one.PixelData = pixels.tobytes()

    voxels = io.read(series(tmp_path / "s", "CT", padded)).voxels
    assert (voxels[:3, 0, :] == -1024).all()


def test_padding_that_is_a_tissues_value_stays(tmp_path: Path) -> None:
    """0 HU is water: where the header names it padding as well, nothing tells one from the other."""

    def padded(one: Dataset, n: int) -> None:
        one.add_new("PixelPaddingValue", "SS", 0)
        pixels = one.pixel_array.copy()
        pixels[0, :3] = 0
        one.PixelData = pixels.tobytes()

    assert (io.read(series(tmp_path / "s", "CT", padded)).voxels[:3, 0] == 0).all()


@pytest.mark.parametrize("behind", [2, 6, 200])
def test_zeros_behind_the_pixels_are_no_fault(behind: int, tmp_path: Path) -> None:
    def longer(one: Dataset, n: int) -> None:
        one.PixelData = one.PixelData + b"\0" * behind

    right = io.read(series(tmp_path / "right"))
    np.testing.assert_array_equal(io.read(series(tmp_path / "s", change=longer)).voxels, right.voxels)


def test_numbers_behind_the_pixels_are_a_fault(tmp_path: Path) -> None:
    def longer(one: Dataset, n: int) -> None:
        one.PixelData = one.PixelData + b"\1\2\3\4"

    with pytest.raises(InputError, match="bytes of pixels"):
        io.read(series(tmp_path / "s", change=longer))
