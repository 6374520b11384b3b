"""MATLAB files of version 5: what their elements inflate to, counted before a reader inflates them whole."""

from __future__ import annotations

import zlib
from typing import BinaryIO, Literal

_HEAD, _TAG = 128, 8
_COMPRESSED = 15
"""Type of an element that is a zlib stream."""
_BLOCK = 1 << 18


def count_bytes(stream: BinaryIO, most: int) -> int:
    """Return how many bytes the elements of a file hold, inflated; a little more than `most` where it is more.

    What is cut off or is no zlib stream counts as far as it goes: its reader refuses it. A file of another version has
    the bytes that it has.

    Args:
        stream: at the start of a file.
        most: bytes behind which nothing is inflated any more.
    """
    head = stream.read(_HEAD)
    order: Literal["little", "big"] = "little" if head[126:128] == b"IM" else "big"
    if head[126:128] not in (b"IM", b"MI"):
        return len(head) + sum(map(len, iter(lambda: stream.read(_BLOCK), b"")))
    n_bytes = _HEAD
    while n_bytes <= most and len(tag := stream.read(_TAG)) == _TAG:
        kind, size = int.from_bytes(tag[:4], order), int.from_bytes(tag[4:], order)
        n_bytes += _TAG + _count_element(stream, size, most - n_bytes, is_compressed=kind == _COMPRESSED)
    return n_bytes


def _count_element(stream: BinaryIO, size: int, most: int, *, is_compressed: bool) -> int:
    """Return the bytes of an element's content, and leave the stream behind it, or anywhere where there are too many."""
    inflater, n_bytes, n_left = zlib.decompressobj(), 0, size
    while n_left and n_bytes <= most and (block := stream.read(min(n_left, _BLOCK))):
        n_left -= len(block)
        if not is_compressed:
            n_bytes += len(block)
            continue
        try:
            while block and n_bytes <= most:
                n_bytes += len(inflater.decompress(block, _BLOCK))
                block = inflater.unconsumed_tail
        except zlib.error:
            is_compressed = False
    return n_bytes
