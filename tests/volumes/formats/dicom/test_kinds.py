"""DICOM series that are no one volume: several kinds of images, mosaics, no unit, padding, damaged slices, copies."""

from __future__ import annotations

import logging
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from transmodal.errors import InputError
from transmodal.volumes import Volume, io
from transmodal.volumes.formats.dicom import kinds as dicom_kinds
from transmodal.volumes.formats.dicom.slice_header import Slice
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series

AFFINE = np.diag([-1.0, -1.5, 2.0, 1.0])
N = 6


def series(folder: Path, modality: str = "MR", change: Callable[[Dataset, int], None] | None = None) -> Path:
    """Six slices of a magnitude image; `change` gets each with its number from 0."""
    voxels = np.random.default_rng(3).integers(1, 900, (6, 5, N)).astype(np.int16)
    write_series(Volume(voxels, AFFINE), folder, SeriesAbout(modality, "t1_fl3d", "A1", "1.2.3", "1.2.9"))
    for n, path in enumerate(sorted(folder.iterdir())):
        one = pydicom.dcmread(path)
        one.ImageType = (
            ["ORIGINAL", "PRIMARY", "M", "ND"] if modality == "MR" else ["ORIGINAL", "PRIMARY", "AXIAL"]
        )
        if change is not None:
            change(one, n)
        one.save_as(path)
    return folder


def phase(one: Dataset, n: int) -> None:
    if n >= N - 2:
        one.ImageType = ["ORIGINAL", "PRIMARY", "P", "ND"]


def echo(one: Dataset, n: int) -> None:
    one.EchoTime = 4.9 if n < 3 else 7.4


def echo_number(one: Dataset, n: int) -> None:
    one.EchoNumbers = 1 + n // 3


def inversion(one: Dataset, n: int) -> None:
    one.InversionTime = 700 if n % 2 else 2500


def flip(one: Dataset, n: int) -> None:
    one.FlipAngle = 4 if n < 3 else 20


def b_value(one: Dataset, n: int) -> None:
    one.DiffusionBValue = 0.0 if n < 3 else 1000.0


def sequence(one: Dataset, n: int) -> None:
    one.SequenceName = "*ep_b0" if n < 3 else "*ep_b1000"


def agent(one: Dataset, n: int) -> None:
    if n >= 3:
        one.ContrastBolusAgent = "Gadovist"


def ge_phase(one: Dataset, n: int) -> None:
    one.add_new((0x0043, 0x0010), "LO", "GEMS_PARM_01")
    one.add_new((0x0043, 0x102F), "SS", 0 if n < 3 else 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (phase, "ImageType"),
        (echo, "series: EchoTime;"),
        (echo_number, "series: EchoNumbers;"),
        (inversion, "InversionTime"),
        (flip, "series: FlipAngle;"),
        (b_value, "series: DiffusionBValue;"),
        (sequence, "in one series: SequenceName;"),
        (agent, "ContrastBolusAgent"),
        (ge_phase, "series: RawDataType;"),
    ],
    ids=lambda value: getattr(value, "__name__", "")[:20],
)
def test_several_kinds_in_one_series_are_no_volume(
    change: Callable[[Dataset, int], None], words: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        io.read(series(tmp_path / "s", change=change))
    assert caught.value.code == "E104"
    assert "2 kinds of images" in str(caught.value)


def test_numbers_that_are_rounded_slice_by_slice_are_one_kind(tmp_path: Path) -> None:
    def rounded(one: Dataset, n: int) -> None:
        one.EchoTime, one.RepetitionTime = 4.60 + 0.01 * n, 900 + 20 * n

    assert io.read(series(tmp_path / "s", change=rounded)).voxels.shape == (6, 5, N)


def csa(count: str) -> bytes:
    """A CSA header (version 2) of two fields."""

    def field(name: bytes, text: str) -> bytes:
        data = text.encode()
        head = struct.pack("<64si4s3i", name, 1, b"US", 6, 6, 77)
        item = struct.pack("<4i", 0, len(data), 77, 0) + data + b"\0" * (-len(data) % 4)
        return head + item

    body = (
        field(b"EchoLinePosition", "64") + field(b"NumberOfImagesInMosaic", count) + field(b"NoiseLevel", "")
    )
    return b"SV10\x04\x03\x02\x01" + struct.pack("<2i", 3, 77) + body


def mosaic_flag(one: Dataset, n: int) -> None:
    one.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]


def mosaic_count(one: Dataset, n: int) -> None:
    one.add_new((0x0019, 0x0010), "LO", "SIEMENS MR HEADER")
    one.add_new((0x0019, 0x100A), "US", 36)


def mosaic_unknown(one: Dataset, n: int) -> None:
    one.add_new((0x0019, 0x0010), "LO", "SIEMENS MR HEADER")
    one.add_new((0x0019, 0x100A), "UN", struct.pack("<H", 36))


def mosaic_csa(one: Dataset, n: int) -> None:
    one.add_new((0x0029, 0x0010), "LO", "SIEMENS CSA HEADER")
    one.add_new((0x0029, 0x1010), "OB", csa("36      "))


@pytest.mark.parametrize(
    "change", [mosaic_flag, mosaic_count, mosaic_unknown, mosaic_csa], ids=lambda f: f.__name__
)
def test_mosaics_are_refused(change: Callable[[Dataset, int], None], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mosaic.*dcm2niix") as caught:
        io.read(series(tmp_path / "s", change=change))
    assert caught.value.code == "E102"


def test_a_csa_header_of_one_slice_is_no_mosaic(tmp_path: Path) -> None:
    def single(one: Dataset, n: int) -> None:
        one.add_new((0x0029, 0x0010), "LO", "SIEMENS CSA HEADER")
        one.add_new((0x0029, 0x1010), "OB", csa(""))

    folder = series(tmp_path / "s", change=single)
    assert dicom_kinds.mosaic_count(Slice(folder / "0001.dcm", pydicom.dcmread(folder / "0001.dcm"))) == 0
    assert io.read(folder).voxels.shape == (6, 5, N)


@pytest.mark.parametrize("missing", ["RescaleSlope", "RescaleIntercept"])
def test_ct_without_its_rescale_is_refused(missing: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=missing) as caught:
        io.read(series(tmp_path / "s", "CT", lambda one, n: delattr(one, missing)))
    assert caught.value.code == "E105"


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
    assert f"{3 * N} pixels are padding by their header; set to air, -1024 HU" in caplog.text


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


DAMAGES: dict[str, bytes | None] = {
    "zeros": b"\0" * 4000,
    "empty": b"",
    "page": b"<!DOCTYPE html><html><body>404</body></html>" * 9,
    "no preamble": None,
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("ending", ["", ".dcm"])
def test_a_damaged_end_slice_is_named(damage: str, ending: str, tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    for path in folder.iterdir():
        path.rename(folder / f"IM{path.stem}{ending}")
    last = folder / f"IM{N:04d}{ending}"
    content = DAMAGES[damage]
    last.write_bytes(last.read_bytes()[132:] if content is None else content)
    with pytest.raises(InputError, match=rf"IM{N:04d}.*beside {N - 1} slices") as caught:
        io.read(folder)
    assert caught.value.code in ("E101", "E102")


def test_files_of_other_kinds_beside_slices_are_passed_over(tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    for name in (
        "DICOMDIR",
        "notes.txt",
        "t1.json",
        "report.pdf",
        "README",
        "VERSION",
        "index.html",
    ):
        (folder / name).write_text("something else")
    assert io.read(folder).voxels.shape == (6, 5, N)


@pytest.mark.parametrize("ending", [".gz", ".part", ".bak"])
def test_slices_that_are_packed_or_half_there_are_named(ending: str, tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    (folder / "0006.dcm").rename(folder / f"0006.dcm{ending}")
    (folder / f"0006.dcm{ending}").write_bytes(b"\x1f\x8b\x08 something")
    with pytest.raises(InputError, match=rf"0006\.dcm\{ending}.*beside 5 slices"):
        io.read(folder)


def test_copies_are_read_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = series(tmp_path / "s")
    right = io.read(folder)
    shutil.copy(folder / "0002.dcm", folder / "copy of 0002.dcm")
    shutil.copy(folder / "0006.dcm", folder / "copy of 0006.dcm")
    with caplog.at_level(logging.WARNING):
        again = io.read(folder)
    np.testing.assert_array_equal(again.voxels, right.voxels)
    assert "2 of 8 files are identical copies of others; read once" in caplog.text


def test_one_uid_with_two_contents_is_no_copy(tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    one = pydicom.dcmread(folder / "0002.dcm")
    one.PixelData = one.PixelData[::-1]
    one.save_as(folder / "0099.dcm")
    with pytest.raises(InputError, match="are the same slice"):
        io.read(folder)


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


def test_kinds_are_parted_by_words_and_numbers() -> None:
    def made(**elements: object) -> Slice:
        dataset = Dataset()
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)
        dataset.SOPInstanceUID = generate_uid()
        return Slice(Path("x"), dataset)

    slices = [made(EchoTime=10, ImageType=["A", "B", part]) for part in ("M", "P", "M")]
    slices.append(made(EchoTime=10.1, ImageType=["A", "B", "M"]))
    slices.append(made(EchoTime=100, ImageType=["A", "B", "M"]))
    kinds = dicom_kinds.group_kinds([dicom_kinds.read_traits(one) for one in slices])
    assert [len(kind) for kind in kinds] == [2, 1, 1]
