"""PNG files that are not whole: rows that are missing, chunks whose checksums fail, files that end early."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refusals import refusal
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


def picture(header: bytes, pixels: bytes, *more: bytes) -> bytes:
    """Return a PNG of one chunk of pixels as they are given, deflated or not."""
    chunks = [chunk(b"IHDR", header), *more, chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    return png.MAGIC + b"".join(chunks)


def header(columns: int = 10, rows: int = 20, depth: int = 8, colour: int = 0, interlaced: int = 0) -> bytes:
    return struct.pack(">IIBBBBB", columns, rows, depth, colour, 0, 0, interlaced)


ROWS = b"".join(b"\0" + bytes(row) for row in PIXELS)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (picture(header()[:-1], zlib.compress(ROWS)), "begins without its header"),
        (picture(header() + b"\0", zlib.compress(ROWS)), "begins without its header"),
        (png.MAGIC + chunk(b"IDAT", header()), "begins without its header"),
        (picture(header(colour=1), zlib.compress(ROWS)), "has a header that makes no sense"),
        (picture(header(colour=5), zlib.compress(ROWS)), "has a header that makes no sense"),
        (picture(header(interlaced=2), zlib.compress(ROWS)), "has a header that makes no sense"),
        (picture(header(rows=21), zlib.compress(ROWS)), "holds 220 of 231 bytes of pixels"),
        (picture(header(rows=19), zlib.compress(ROWS)), "holds more than 209 of 209 bytes of pixels"),
        (picture(header(), zlib.compress(ROWS)[:-1]), "ends before the checksum of its pixels"),
        (picture(header(), zlib.compress(ROWS)[:-4]), "ends before the checksum of its pixels"),
        (picture(header(), zlib.compress(ROWS)[:40]), None),
        (
            picture(header(), zlib.compress(ROWS)[:-1] + b"\0"),
            "has pixels that are corrupt (Error -3 while decompressing data: incorrect data check)",
        ),
        (picture(header(), b""), "holds 0 of 220 bytes of pixels"),
        (picture(header(), zlib.compress(ROWS))[:-1], "ends before its last chunk"),
        (picture(header(), zlib.compress(ROWS))[:-12], "ends before its last chunk"),
        (picture(header(), zlib.compress(ROWS))[:-11], "ends before its last chunk"),
        (png.MAGIC, "ends before its last chunk"),
        (picture(header(), zlib.compress(ROWS))[:-1] + b"\0", "fails a checksum"),
        (png.MAGIC + chunk(b"IHDR", header())[:-1] + b"\0", "fails a checksum"),
    ],
)
def test_the_fault_is_named(content: bytes, fault: str | None, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    line = refusal(lambda: png.check(path, None))
    assert line.startswith(f"error[E101]: a.png {fault or 'holds '}")
    assert line.endswith("; expected a whole PNG file. Copy or export it again.")
    if fault:
        assert line == f"error[E101]: a.png {fault}; expected a whole PNG file. Copy or export it again."


def test_pixels_may_lie_in_many_chunks_among_others(tmp_path: Path) -> None:
    pixels = zlib.compress(ROWS)
    parts = [chunk(b"IDAT", pixels[place : place + 7]) for place in range(0, len(pixels), 7)]
    content = [
        chunk(b"IHDR", header()),
        chunk(b"tEXt", b"a\0b"),
        *parts,
        chunk(b"IDAT", b""),
        chunk(b"IEND", b""),
    ]
    (tmp_path / "a.png").write_bytes(png.MAGIC + b"".join(content) + b"behind the end")
    png.check(tmp_path / "a.png", 220)
    text = b"".join([content[0], chunk(b"tEXt", pixels), content[-1]])
    (tmp_path / "b.png").write_bytes(png.MAGIC + text)
    assert "holds 0 of 220 bytes" in refusal(lambda: png.check(tmp_path / "b.png", 220))


@pytest.mark.parametrize(
    ("depth", "colour", "n_bits"),
    [(1, 0, 1), (2, 3, 2), (4, 0, 4), (8, 2, 24), (16, 2, 48), (8, 4, 16), (16, 6, 64), (16, 0, 16)],
)
def test_the_budget_is_for_rows_of_whole_bytes_and_their_filters(
    depth: int, colour: int, n_bits: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_bytes = 20 * (1 + -(-11 * n_bits // 8))
    path = tmp_path / "a.png"
    path.write_bytes(picture(header(11, 20, depth, colour), zlib.compress(bytes(n_bytes))))
    png.check(path, n_bytes)
    assert refusal(lambda: png.check(path, n_bytes - 1)).startswith("error[E401]: a.png declares or holds ")
    asked: list[int | None] = []

    def budget(n_stored: int | None = None) -> int:
        asked.append(n_stored)
        return 1 << 20

    monkeypatch.setattr(png.streams.memory, "budget", budget)
    png.check(path, None)
    assert asked == [path.stat().st_size]


def test_pixels_beyond_one_piece_are_counted_to_the_last(tmp_path: Path) -> None:
    """A piece is what is inflated at once."""
    rows = bytes(1001 * 1000)
    path = tmp_path / "a.png"
    path.write_bytes(picture(header(1000, 1000), zlib.compress(rows)))
    png.check(path, 1 << 20)
    path.write_bytes(picture(header(1000, 1000), zlib.compress(rows[:-1])))
    assert "holds 1000999 of 1001000 bytes" in refusal(lambda: png.check(path, 1 << 20))
    path.write_bytes(picture(header(1000, 1000), zlib.compress(rows + b"x")))
    assert "holds more than 1001000 of 1001000 bytes" in refusal(lambda: png.check(path, 1 << 20))
