"""PNG files that are not whole: rows that are missing, chunks whose checksums fail, files that end early."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from transmodal.errors import InputError, ResourceError
from transmodal.volumes import io
from transmodal.volumes.formats import png
from transmodal.volumes.reading import Reading

AXIAL = Reading(assume_orientation="LPS")
PIXELS = np.arange(1, 201, dtype=np.uint8).reshape(20, 10)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def build(rows: int, declared: int, *, interlaced: int = 0) -> bytes:
    """Return a grey PNG that declares other rows than it has."""
    content = b"".join(b"\0" + bytes(row) for row in PIXELS[:rows])
    header = struct.pack(">IIBBBBB", 10, declared, 8, 0, 0, 0, interlaced)
    return b"".join(
        [
            png.MAGIC,
            chunk(b"IHDR", header),
            chunk(b"IDAT", zlib.compress(content)),
            chunk(b"IEND", b""),
        ]
    )


@pytest.mark.parametrize(("rows", "declared"), [(10, 20), (19, 20), (0, 20), (20, 10)])
def test_as_many_rows_as_declared(rows: int, declared: int, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(build(20, 20))
    np.testing.assert_array_equal(io.read(path, AXIAL).voxels[:, :, 0], PIXELS.T)
    path.write_bytes(build(rows, declared))
    with pytest.raises(InputError, match="bytes of pixels") as caught:
        io.read(path, AXIAL)
    assert caught.value.code == "E101"


def test_every_cut_and_every_flip_behind_the_magic_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    whole = build(20, 20)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError):
            io.read(path, AXIAL)
    for place in range(len(png.MAGIC), len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises((InputError, ResourceError)):
            io.read(path, AXIAL)


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "RGB", "RGBA", "LA", "P"])
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (33, 9)])
def test_every_kind_of_pixel_is_counted(mode: str, size: tuple[int, int], tmp_path: Path) -> None:
    Image.new(mode, size).save(tmp_path / "a.png")
    png.check(tmp_path / "a.png", 1 << 20)


@pytest.mark.parametrize(("columns", "rows"), [(1, 1), (3, 2), (5, 8), (16, 9)])
def test_rows_of_interlaced_pictures_are_counted(columns: int, rows: int, tmp_path: Path) -> None:
    """The passes by their definition: `1 6 4 6 2 6 4 6`, and so on, of each square of eight."""
    square = [
        "16462646",
        "77777777",
        "56565656",
        "77777777",
        "36463646",
        "77777777",
        "56565656",
        "77777777",
    ]
    content = b""
    for number in "1234567":
        for row in range(rows):
            pixels = [7 for column in range(columns) if square[row % 8][column % 8] == number]
            content += (b"\0" + bytes(pixels)) if pixels else b""
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 1)
    parts = [png.MAGIC, chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(content)), chunk(b"IEND", b"")]
    (tmp_path / "a.png").write_bytes(b"".join(parts))
    assert (io.read(tmp_path / "a.png", AXIAL).voxels == 7).all()
