"""Small files that grow huge, and files that are huge and hold nothing, at every door: refused in 64 MiB.

Images that inflate as they say have tests beside their readers; here are all the others.
"""

from __future__ import annotations

import os
import shutil
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from transmodal import checkpoint
from transmodal.cohorts.layouts._slice_files import Slices
from transmodal.cohorts.layouts._slice_files import read as read_slices
from transmodal.cohorts.store import Cohort
from transmodal.errors import TransmodalError
from transmodal.evaluation.records import read as records
from transmodal.nets.pretrained import read_weights
from transmodal.recipes import load as recipes
from transmodal.storage import memory, tables
from transmodal.storage.arrays import npy
from transmodal.volumes import io
from transmodal.volumes.reading import Reading

EARLIER = Path(__file__).with_name("earlier")
MOST_BYTES = 64 << 20
LARGE, HUGE = 2 << 30, 1 << 40
Give = Callable[[Path], object]
"""Writes a bomb into a folder and gives it to its reader."""


def zeros(n_bytes: int) -> bytes:
    """Return a raw stream of zeros, deflated block by block, of which all are alike."""
    block = bytes(1 << 20)
    deflater, last = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.compressobj(9, zlib.DEFLATED, -15)
    first = deflater.compress(block) + deflater.flush(zlib.Z_FULL_FLUSH)
    return first * (n_bytes // len(block) - 1) + last.compress(block) + last.flush()


def sparse(folder: Path, name: str) -> Path:
    """Return a file of a terabyte that takes no place on the disk."""
    path = folder / name
    path.unlink(missing_ok=True)
    path.touch()
    os.truncate(path, HUGE)
    return path


def gzipped(content: bytes, n_zeros: int) -> bytes:
    """Return a gzip stream of two members: a content, and zeros, whose check at the end is wrong."""
    head = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    start = zlib.compressobj(9, zlib.DEFLATED, 31)
    whole = start.compress(content) + start.flush()
    return whole + head + zeros(n_zeros) + struct.pack("<II", 0, n_zeros & 0xFFFFFFFF)


def nifti2(folder: Path) -> object:
    header = nib.Nifti2Header()
    header.set_data_shape((1024, 1024, 1024))
    header.set_data_dtype(np.int16)
    header.set_sform(np.eye(4), code=1)
    header["vox_offset"] = 544
    (folder / "a.nii.gz").write_bytes(gzipped(header.binaryblock + bytes(4), LARGE))
    return io.read(folder / "a.nii.gz")


def nifti_behind(folder: Path) -> object:
    """A small image, and zeros behind its voxels."""
    raw = nib.Nifti1Image(np.ones((4, 4, 4), np.int16), np.eye(4)).to_bytes()
    (folder / "a.nii.gz").write_bytes(gzipped(raw, LARGE))
    return io.read(folder / "a.nii.gz")


def nifti_before(folder: Path) -> object:
    """Voxels that begin behind two gigabytes of nothing."""
    header = nib.Nifti1Header()
    header.set_data_shape((4, 4, 4))
    header.set_sform(np.eye(4), code=1)
    header["vox_offset"], header["magic"] = LARGE, b"n+1"
    (folder / "a.nii.gz").write_bytes(gzipped(header.binaryblock + bytes(4), LARGE))
    return io.read(folder / "a.nii.gz")


HEADER = (
    "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = True\n"
    "TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\nElementSpacing = 1 1 1\n"
    "DimSize = {}\nElementType = MET_UCHAR\nElementDataFile = {}\n"
)


def metaimage_pair(folder: Path) -> object:
    (folder / "a.zraw").write_bytes(b"\x78\xda" + zeros(LARGE) + bytes(4))
    (folder / "a.mhd").write_text(HEADER.format("2048 1024 1024", "a.zraw"))
    return io.read(folder / "a.mhd")


def metaimage_behind(folder: Path) -> object:
    """A small image whose stream goes on."""
    text = HEADER.format("4 4 4", "LOCAL").encode()
    (folder / "a.mha").write_bytes(text + b"\x78\xda" + zeros(LARGE) + bytes(4))
    return io.read(folder / "a.mha")


def matlab(folder: Path) -> object:
    element = b"\x78\xda" + zeros(LARGE) + bytes(4)
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H2s", 0x0100, b"IM")
    (folder / "a.mat").write_bytes(head + struct.pack("<II", 15, len(element)) + element)
    return read_slices(Slices(folder / "a.mat"))


def matlab_chunk(folder: Path) -> object:
    """A .mat file of version 7.3 with one chunk of 512 bytes, whose stream goes on for two gigabytes."""
    h5py = pytest.importorskip("h5py", reason="is of the extra `matlab`")
    with h5py.File(folder / "a.mat", "w", userblock_size=512) as opened:
        data = opened.create_dataset("x", (8, 8), "f8", chunks=(8, 8), compression="gzip")
        data.id.write_direct_chunk((0, 0), b"\x78\xda" + zeros(LARGE) + bytes(4))
    with (folder / "a.mat").open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    return read_slices(Slices(folder / "a.mat"))


def archive(folder: Path) -> object:
    """An .npz with an array of two gigabytes of zeros."""
    with zipfile.ZipFile(folder / "w.npz", "w") as opened:
        opened.writestr("a.npy", b"")
    plain = (folder / "w.npz").read_bytes()
    packed = zeros(LARGE)
    sizes = struct.pack("<III", 0, len(packed), LARGE)
    local, central = plain.index(b"PK\3\4"), plain.index(b"PK\1\2")
    head = plain[local : local + 8] + struct.pack("<H", 8) + plain[local + 10 : local + 14] + sizes
    body = head + plain[local + 26 : central] + packed
    directory = (
        plain[central : central + 10] + struct.pack("<H", 8) + plain[central + 12 : central + 16] + sizes
    )
    end = plain.index(b"PK\5\6")
    tail = plain[end : end + 16] + struct.pack("<I", len(body)) + plain[end + 20 :]
    (folder / "w.npz").write_bytes(body + directory + plain[central + 28 : end] + tail)
    with zipfile.ZipFile(folder / "w.npz") as opened:
        assert opened.getinfo("a.npy").file_size == LARGE
    return read_weights(folder / "w.npz")


def tensors(folder: Path) -> object:
    """A .safetensors whose header says that it has an exabyte."""
    (folder / "w.safetensors").write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    return read_weights(folder / "w.safetensors")


def array(read: Give) -> Give:
    def give(folder: Path) -> object:
        text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({HUGE}, 4, 4)}}\n".encode()
        head = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text
        (folder / "a.npy").write_bytes(head + bytes(64))
        return read(folder / "a.npy")

    return give


def laughs(folder: Path) -> object:
    """A recipe whose aliases say one list 10^9 times."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    (folder / "mine.yaml").write_text("\n".join(lines))
    return recipes.load(str(folder / "mine.yaml"))


def nested(folder: Path) -> object:
    (folder / "mine.yaml").write_text("a: " + "[" * 30_000)
    return recipes.load(str(folder / "mine.yaml"))


def wide_number(folder: Path) -> object:
    (folder / "mine.yaml").write_text("a: 0x" + "f" * 60_000)
    return recipes.load(str(folder / "mine.yaml"))


def emptied(name: str, place: str, read: Give) -> Give:
    """Return a folder of ours of whose files one is a terabyte of nothing."""

    def give(folder: Path) -> object:
        copy = shutil.copytree(EARLIER / place, folder / "copy")
        sparse(copy, name)
        return read(copy)

    return give


BOMBS: dict[str, Give] = {
    "NIfTI-2": nifti2,
    "zeros behind the voxels of NIfTI": nifti_behind,
    "zeros before the voxels of NIfTI": nifti_before,
    "MetaImage of two files": metaimage_pair,
    "zeros behind the voxels of MetaImage": metaimage_behind,
    "MATLAB": matlab,
    "MATLAB 7.3": matlab_chunk,
    "an archive of arrays": archive,
    "tensors that are declared": tensors,
    "an array that is declared": array(npy.read_npy),
    "slices that are declared": array(lambda path: read_slices(Slices(path))),
    "aliases of YAML": laughs,
    "brackets of YAML": nested,
    "a number of YAML": wide_number,
    "an empty table of a terabyte": lambda folder: tables.read(sparse(folder, "pairs.csv")),
    "an empty recipe of a terabyte": lambda folder: recipes.load(str(sparse(folder, "mine.yaml"))),
    "an empty NIfTI of a terabyte": lambda folder: io.read(sparse(folder, "a.nii")),
    "an empty MetaImage of a terabyte": lambda folder: io.read(sparse(folder, "a.mha")),
    "an empty picture of a terabyte": lambda folder: io.read(sparse(folder, "a.png"), Reading(assume_orientation="LPS")),
    "an empty manifest of a terabyte": emptied("cohort.json", "cohort", Cohort.open),
    "an empty split of a terabyte": emptied("split.json", "cohort", Cohort.open),
    "an empty checkpoint of a terabyte": emptied("manifest.json", "run/checkpoints/best", checkpoint.load),
    "an empty evaluation of a terabyte": emptied(records.NAME, "evaluation", lambda place: records.parse(place / records.NAME)),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_grows(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(memory.BUDGET, "0.2")  # what is counted as it inflates need not come to a GiB here
    warm(tmp_path / "before")
    (tmp_path / "bomb").mkdir()
    tracemalloc.start()
    try:
        with pytest.raises(TransmodalError):
            BOMBS[name](tmp_path / "bomb")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MOST_BYTES


def warm(folder: Path) -> None:
    """Import what readers import when they are first used."""
    folder.mkdir()
    with suppress(TransmodalError):
        array(lambda path: read_slices(Slices(path)))(folder)


def test_there_are_twenty_bombs() -> None:
    assert len(BOMBS) >= 20
