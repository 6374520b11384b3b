"""Pictures from which faulty and valid ones are made: PNG, TIFF and BMP, by Pillow and byte by byte."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from promises.entries import Image

PIXELS = (np.arange(1, 401, dtype=np.uint16).reshape(20, 20) * 7 % 251).astype(np.uint8)
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
PACKINGS = (None, "tiff_adobe_deflate", "tiff_lzw", "packbits")
COLUMNS, ROWS, BITS, PHOTOMETRIC, STRIPS, STRIP_SIZES = 256, 257, 258, 262, 273, 279


def truth(pixels: NDArray[Any] = PIXELS) -> Image:
    """Return what a picture of rows says: columns first, one slice."""
    return Image(np.swapaxes(pixels, 0, 1)[:, :, None], None)


def save(pixels: NDArray[Any] | Pictures.Image, kind: str, **options: Any) -> bytes:  # noqa: ANN401 - Pillow's
    """Return a picture as Pillow writes it."""
    stream = io.BytesIO()
    picture = pixels if isinstance(pixels, Pictures.Image) else Pictures.fromarray(pixels)
    picture.save(stream, format=kind, **options)
    return stream.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG with its checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(rows: int = 20, *, held: int = 20, columns: int = 20, depth: int = 8, colour: int = 0) -> bytes:
    """Return a grey PNG that declares some sides and holds some rows."""
    content = b"".join(b"\0" + bytes(row) for row in PIXELS[:held])
    header = struct.pack(">IIBBBBB", columns, rows, depth, colour, 0, 0, 0)
    return PNG_MAGIC + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(content)) + chunk(b"IEND", b"")


def tiff(values: Mapping[int, int] | None = None, packing: str | None = None, following: int = 0) -> bytes:
    """Return a TIFF whose directory has other values by tag, and another place of the next directory.

    Args:
        values: by tag; of one number each.
        packing: how pixels are compressed.
        following: place of the next directory; 0 for none, -1 for the directory's own.
    """
    content = bytearray(save(PIXELS, "TIFF", compression=packing))
    (directory,) = struct.unpack("<I", content[4:8])
    (n_entries,) = struct.unpack("<H", content[directory : directory + 2])
    end = directory + 2 + 12 * n_entries
    for place in range(directory + 2, end, 12):
        tag, kind = struct.unpack("<HH", content[place : place + 4])
        if values and tag in values:
            size = {3: 2, 4: 4}[kind]
            content[place + 8 : place + 8 + size] = values[tag].to_bytes(size, "little")
    content[end : end + 4] = struct.pack("<I", directory if following == -1 else following)
    return bytes(content)


def bmp(changes: Mapping[int, int] | None = None, *, held: bytes | None = None) -> bytes:
    """Return a BMP in colour with 32-bit numbers of its header changed by their places."""
    content = bytearray(save(np.stack([PIXELS] * 3, axis=-1), "BMP"))
    for place, number in (changes or {}).items():
        content[place : place + 4] = struct.pack("<i", number)
    return bytes(content) if held is None else bytes(content[:54]) + held
