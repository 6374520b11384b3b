"""PNG files held against themselves: every chunk by its checksum, and as many bytes of pixels as the header declares.

Decoders leave rows that are missing black and skip the checksums of pixels; so the file is proven whole before one decodes it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from transmodal.errors import InputError
from transmodal.storage import regular, streams

MAGIC = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel by the kind of colour."""
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column and row of each pass of an interlaced picture, and the steps between them."""
_PIECE = 1 << 18


def check(path: Path, budget: int | None) -> None:
    """Refuse a PNG that is not whole.

    Args:
        path: the file.
        budget: refuse pictures that declare more bytes of pixels.

    Raises:
        InputError: E101 for a file that is cut, fails a checksum or holds other than the declared rows.
        ResourceError: E401 beyond the budget.
    """
    with regular.open_file(path) as stream:
        stream.seek(len(MAGIC))
        chunks = _read_chunks(path.name, stream, path.stat().st_size)
        kind, content = next(chunks)
        if kind != b"IHDR" or len(content) != 13:
            raise _damage_error(path.name, "begins without its header")
        header = _Header(*struct.unpack(">IIBBBBB", content))
        if header.colour not in _SAMPLES or header.interlaced > 1:
            raise _damage_error(path.name, "has a header that makes no sense")
        streams.check_budget(path.name, header.n_bytes, budget, n_stored=path.stat().st_size)
        n_bytes = _count_inflated(
            path.name, (piece for kind, piece in chunks if kind == b"IDAT"), header.n_bytes
        )
    if n_bytes != header.n_bytes:
        raise _damage_error(
            path.name,
            f"holds {'more than ' if n_bytes > header.n_bytes else ''}{min(n_bytes, header.n_bytes)} of {header.n_bytes} bytes of pixels",
        )


class _Header(NamedTuple):
    columns: int
    rows: int
    depth: int
    colour: int
    compression: int
    filtering: int
    interlaced: int

    @property
    def n_bytes(self) -> int:
        """Bytes of all rows, each with its filter's byte."""
        passes = _PASSES if self.interlaced else ((0, 0, 1, 1),)
        return sum(self._pass_bytes(*steps) for steps in passes)

    def _pass_bytes(self, column: int, row: int, column_step: int, row_step: int) -> int:
        columns = -(-max(self.columns - column, 0) // column_step)
        rows = -(-max(self.rows - row, 0) // row_step)
        n_bits = columns * self.depth * _SAMPLES[self.colour]
        return rows * (1 + -(-n_bits // 8)) if columns else 0


def _read_chunks(name: str, stream: BinaryIO, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and content of the chunks up to the last, each proven by its checksum."""
    kind = b""
    while kind != b"IEND":
        head = stream.read(8)
        length = int.from_bytes(head[:4], "big")
        if len(head) < 8 or stream.tell() + length + 4 > size:
            raise _damage_error(name, "ends before its last chunk")
        kind, content = head[4:], stream.read(length)
        if zlib.crc32(kind + content) != int.from_bytes(stream.read(4), "big"):
            raise _damage_error(name, "fails a checksum")
        yield kind, content


def _count_inflated(name: str, pieces: Iterable[bytes], most: int) -> int:
    """Return how many bytes the pixels' stream gives; it is followed to its end, or to more than `most`."""
    inflater, n_bytes = zlib.decompressobj(), 0
    try:
        for piece in pieces:
            while piece and not inflater.eof and n_bytes <= most:
                n_bytes += len(inflater.decompress(piece, _PIECE))
                piece = inflater.unconsumed_tail
        while not inflater.eof and n_bytes <= most and (block := inflater.decompress(b"", _PIECE)):
            n_bytes += len(block)
    except zlib.error as error:
        raise _damage_error(name, f"has pixels that are corrupt ({error})") from error
    if not inflater.eof and n_bytes == most:
        raise _damage_error(name, "ends before the checksum of its pixels")
    return n_bytes


def _damage_error(name: str, fault: str) -> InputError:
    return InputError("E101", f"{name} {fault}", "a whole PNG file", "Copy or export it again.")
