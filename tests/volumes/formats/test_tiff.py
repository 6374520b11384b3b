"""TIFF files that are not whole: directories in a circle, rows without a strip."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from transmodal.errors import InputError
from transmodal.volumes import io
from transmodal.volumes.reading import Reading

AXIAL = Reading(assume_orientation="LPS")
PIXELS = np.arange(1, 201, dtype=np.uint8).reshape(20, 10)
KINDS = [None, "tiff_adobe_deflate", "tiff_lzw", "packbits"]
ROWS, PHOTOMETRIC = 257, 262


def save(path: Path, compression: str | None) -> tuple[bytearray, int, int]:
    """Return a TIFF's bytes, and where its directory and the place of the next one lie."""
    Image.fromarray(PIXELS).save(path, compression=compression)
    np.testing.assert_array_equal(io.read(path, AXIAL).voxels[:, :, 0], PIXELS.T)
    content = bytearray(path.read_bytes())
    (directory,) = struct.unpack("<I", content[4:8])
    (n_entries,) = struct.unpack("<H", content[directory : directory + 2])
    return content, directory, directory + 2 + 12 * n_entries


def refused(path: Path, content: bytearray) -> str:
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        io.read(path, AXIAL)
    return caught.value.code


@pytest.mark.parametrize("compression", KINDS)
def test_a_directory_that_leads_back_to_itself(compression: str | None, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    content, directory, following = save(path, compression)
    content[following : following + 4] = struct.pack("<I", directory)
    assert refused(path, content) == "E103"


def test_directories_in_a_circle(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    content, directory, following = save(path, None)
    second = len(content)
    content += content[directory:following] + struct.pack("<I", directory)
    content[following : following + 4] = struct.pack("<I", second)
    assert refused(path, content) == "E103"


@pytest.mark.parametrize(
    ("compression", "rows"), [*((kind, 40) for kind in KINDS), (None, 10)]
)  # a compressed strip may be longer than its picture
def test_strips_for_every_row(compression: str | None, rows: int, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    content, directory, following = save(path, compression)
    for entry in range(directory + 2, following, 12):
        if struct.unpack("<H", content[entry : entry + 2])[0] == ROWS:
            content[entry + 8 : entry + 10] = struct.pack("<H", rows)
    assert refused(path, content) == "E101"


@pytest.mark.parametrize(
    ("kind", "count"),
    [(2, 0), (2, 1), (3, 0), (12, 1), (77, 1)],
    ids=["text of no letter", "text", "no number", "a float", "an unknown type"],
)
@pytest.mark.parametrize("tag", [PHOTOMETRIC, 258, 259, 278, 279])
def test_a_field_that_decoders_replace_by_a_default(tag: int, kind: int, count: int, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    content, directory, following = save(path, None)
    for entry in range(directory + 2, following, 12):
        if struct.unpack("<H", content[entry : entry + 2])[0] == tag:
            content[entry + 2 : entry + 8] = struct.pack("<HI", kind, count)
            assert refused(path, content) == "E103"
            return
    raise AssertionError(tag)


def test_no_photometric_interpretation(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    content, directory, following = save(path, None)
    for entry in range(directory + 2, following, 12):
        if struct.unpack("<H", content[entry : entry + 2])[0] == PHOTOMETRIC:
            content[entry : entry + 2] = struct.pack("<H", PHOTOMETRIC - 1)
    assert refused(path, content) == "E103"


@pytest.mark.parametrize("mode", ["L", "RGB", "I;16", "F", "1"])
def test_strips_of_every_kind_are_counted(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.new(mode, (700, 333)).save(path)
    if mode == "1":
        with pytest.raises(InputError, match="kind 1"):
            io.read(path, AXIAL)
    else:
        assert io.read(path, AXIAL).grid.shape == (700, 333, 1)
