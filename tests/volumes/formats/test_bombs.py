"""Bombs: small files that are whole and honest, and inflate to more than an image may take; refused before they do."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import CTImageStorage, RLELossless, generate_uid

from transmodal.errors import InputError, ResourceError, TransmodalError
from transmodal.storage import memory
from transmodal.volumes import io
from transmodal.volumes.reading import Reading

SIDE = 20480
"""Of pictures: 1.6 GiB as real values."""


def zeros(n_bytes: int, wbits: int) -> bytes:
    """Return a stream of zeros, deflated block by block, of which all are alike."""
    block = 1 << 20
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = deflater.compress(bytes(block)) + deflater.flush(zlib.Z_FULL_FLUSH)
    last = zlib.compressobj(9, zlib.DEFLATED, -15)
    assert n_bytes % block == 0
    body = first * (n_bytes // block - 1) + last.compress(bytes(block)) + last.flush()
    if wbits == -15:
        return body
    return b"\x78\xda" + body + struct.pack(">HH", n_bytes % 65521, 1)  # with Adler's sum of zeros


def nifti(folder: Path) -> Path:
    header = nib.Nifti1Header()
    header.set_data_shape((1024, 1024, 1344))
    header.set_data_dtype(np.int32)
    header.set_sform(np.eye(4), code=1)
    header.set_qform(np.eye(4), code=1)
    header["magic"], header["vox_offset"] = b"n+1", 352
    path = folder / "a.nii.gz"
    member = gzip.compress(
        bytes(1 << 24), mtime=0
    )  # 16 MiB of zeros, again and again: streams may have members
    path.write_bytes(gzip.compress(header.binaryblock + bytes(4)) + member * (1024 * 1344 // 4096))
    return path


def metaimage(folder: Path) -> Path:
    data = zeros(1 << 29, 15)
    head = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = True\n"
        f"CompressedDataSize = {len(data)}\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\n"
        "ElementSpacing = 1 1 1\nDimSize = 1024 1024 512\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    )
    path = folder / "a.mha"
    path.write_bytes(head.encode() + data)
    return path


def png(folder: Path) -> Path:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", 2 * SIDE - 1, SIDE // 2, 8, 0, 0, 0, 0)
    path = folder / "a.png"
    pixels = zeros(SIDE * SIDE, 15)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )
    return path


def tiff(folder: Path) -> Path:
    pixels = zeros(SIDE * SIDE, 15)
    entries = {256: SIDE, 257: SIDE, 258: 8, 259: 8, 262: 1, 273: 8, 277: 1, 278: SIDE, 279: len(pixels)}
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    path = folder / "a.tif"
    head = b"II*\0" + struct.pack("<I", 8 + len(pixels) + len(pixels) % 2)
    path.write_bytes(
        head + pixels + bytes(len(pixels) % 2) + struct.pack("<H", len(entries)) + directory + bytes(4)
    )
    return path


def rle(folder: Path) -> Path:
    """One slice: PackBits writes 128 zeros as two bytes."""
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = RLELossless
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = generate_uid()
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID = generate_uid(), generate_uid()
    dataset.Modality, dataset.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.Rows = dataset.Columns = SIDE
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness = [1, 1], 1
    segment = b"\x81\0" * (SIDE * SIDE // 128)
    dataset.PixelData = encapsulate([struct.pack("<16I", 1, 64, *[0] * 14) + segment])
    dataset["PixelData"].VR = "OB"
    series = folder / "series"
    series.mkdir()
    dataset.save_as(series / "a.dcm", enforce_file_format=True)
    return series


def deflated(folder: Path) -> Path:
    """A DICOM file that is deflated as a whole, which is not read at all."""
    series = rle(folder)
    dataset = pydicom.dcmread(series / "a.dcm")
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    dataset.PixelData = bytes(SIDE * SIDE)
    dataset.save_as(series / "a.dcm", enforce_file_format=True)
    return series


BOMBS: list[Callable[[Path], Path]] = [nifti, metaimage, png, tiff, rle]


@pytest.mark.parametrize("make", BOMBS, ids=lambda make: make.__name__)
def test_a_bomb_is_refused_before_it_is_inflated(
    make: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path)
    size = sum(file.stat().st_size for file in ([path] if path.is_file() else path.iterdir()))
    assert size < 10 << 20
    error, peak = refused(path)
    assert error.code == "E401", error.line()
    assert isinstance(error, ResourceError)
    assert "GiB" in error.got
    assert peak < 64 << 20
    # The error names what raises the budget; the budget holds whatever is compressed how far.
    wanted = error.remedy.partition(f"{memory.BUDGET}=")[2].rstrip(".")
    monkeypatch.setenv(memory.BUDGET, wanted)
    assert memory.budget(size) == int(wanted) << 30
    monkeypatch.setenv(memory.BUDGET, "1")
    assert refused(path)[0].code == "E401"


def test_deflated_dicom_is_refused_unread(tmp_path: Path) -> None:
    error, peak = refused(deflated(tmp_path))
    assert (error.code, type(error)) == ("E102", InputError)
    assert peak < 64 << 20


def refused(path: Path) -> tuple[TransmodalError, int]:
    """Read an image that is refused; return its error, and the most memory that was taken."""
    tracemalloc.start()
    try:
        with pytest.raises(TransmodalError) as caught:
            io.read(path, Reading(assume_orientation="LPS" if path.suffix in (".png", ".tif") else None))
        return caught.value, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_mask_that_compresses_a_thousand_times_is_read(tmp_path: Path) -> None:
    header = nib.Nifti1Header()
    path = tmp_path / "mask.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros((128, 128, 64), np.uint8), np.eye(4), header), path)
    assert path.stat().st_size < 20000
    assert io.read(path).voxels.shape == (128, 128, 64)
