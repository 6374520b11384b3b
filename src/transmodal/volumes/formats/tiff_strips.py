"""Lengths of compressed TIFF strips, inflated: a decoder stops at the last row that a header declares, and hides the others."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

_CLEAR, _END, _FIRST = 256, 257, 258
"""Codes of LZW: begin a new table, end, and the first of a table."""
_PIECE = 1 << 18


def count_bytes(compression: int, strip: bytes, most: int) -> int | None:
    """Return how many bytes a strip gives, or a number above `most` where it gives more.

    Args:
        compression: by the number that TIFF gives it.
        strip: as it lies in the file.
        most: bytes that it should have.

    Returns:
        None where the compression is not one of LZW, deflate and PackBits.

    Raises:
        zlib.error, IndexError: for a strip that is corrupt.
    """
    count = _COUNTS.get(compression)
    return None if count is None else count(strip, most)


def _count_deflated(strip: bytes, most: int) -> int:
    inflater, n_bytes = zlib.decompressobj(), 0
    while strip and not inflater.eof and n_bytes <= most:
        n_bytes += len(inflater.decompress(strip, _PIECE))
        strip = inflater.unconsumed_tail
    return n_bytes


def _count_packbits(strip: bytes, most: int) -> int:
    n_bytes = place = 0
    while place < len(strip) and n_bytes <= most:
        head = strip[place]
        place += 2 if head > 128 else 1 if head == 128 else head + 2
        n_bytes += 257 - head if head > 128 else 0 if head == 128 else head + 1
    return n_bytes


def _count_lzw(strip: bytes, most: int) -> int:
    """Follow the codes by the lengths of what they stand for alone."""
    lengths = [1] * _FIRST
    width, before, n_bytes = 9, 0, 0
    bits = n_bits = 0
    for byte in strip:
        bits, n_bits = (bits << 8 | byte) & 0xFFFFFF, n_bits + 8
        if n_bits < width:
            continue
        n_bits -= width
        code = bits >> n_bits & ((1 << width) - 1)
        if code == _END or n_bytes > most:
            break
        if code == _CLEAR:
            lengths, width, before = [1] * _FIRST, 9, 0
            continue
        if before:
            lengths.append(before + 1)
        before = lengths[code]
        n_bytes += before
        width = min(max((len(lengths) + 1).bit_length(), 9), 12)
    return n_bytes


_COUNTS: Mapping[int, Callable[[bytes, int], int]] = {
    5: _count_lzw,
    8: _count_deflated,
    32946: _count_deflated,
    32773: _count_packbits,
}
