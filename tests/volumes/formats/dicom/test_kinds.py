"""Kinds of images in one DICOM series, parted by words and numbers, and mosaics."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from dicom_files import N_SLICES, series
from transmodal.errors import InputError
from transmodal.volumes import io
from transmodal.volumes.formats.dicom import kinds as dicom_kinds
from transmodal.volumes.formats.dicom.slice_header import Slice


def phase(one: Dataset, n: int) -> None:
    if n >= N_SLICES - 2:
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

    assert io.read(series(tmp_path / "s", change=rounded)).voxels.shape == (6, 5, N_SLICES)


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
    assert io.read(folder).voxels.shape == (6, 5, N_SLICES)


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
