"""BMP files held against themselves: as many bytes of pixels as columns and rows need, and none behind them.

Decoders take the rows that a header declares and pass over the others, which a header that was changed hides.
"""

from __future__ import annotations

import struct
from pathlib import Path

from transmodal.errors import InputError
from transmodal.storage import regular

_PLAIN = (0, 3)
"""Compressions whose rows all have one length: none, and bit masks."""
_HEADERS = (40, 52, 56, 64, 108, 124)
"""Sizes of the headers that count columns and rows in 32 bits; the oldest, of 12 bytes, has no compression."""


def check(path: Path) -> None:
    """Refuse a BMP that holds fewer or more rows than it declares.

    Raises:
        InputError: E101 for missing or hidden rows, E123 for compressed ones, whose number nothing tells.
    """
    with regular.open_file(path) as stream:
        start = stream.read(54)
    if len(start) < 34:
        raise _damage_error(path.name, "ends within its header")
    first, size = struct.unpack("<II", start[10:18])
    compression = 0
    if size in _HEADERS:
        columns, rows, _, bits, compression = struct.unpack("<iiHHI", start[18:34])
    else:
        columns, rows, _, bits = struct.unpack("<HHHH", start[18:26])
    if compression not in _PLAIN:
        raise InputError(
            "E123", f"{path.name} is a compressed BMP", "plain pixels", "Convert it to PNG or plain BMP."
        )
    stride = (abs(columns) * bits + 31) // 32 * 4
    n_bytes, present = stride * abs(rows), path.stat().st_size - first
    if not 0 <= present - n_bytes < max(stride, 1) or first < 14 + size:  # some fill up the last bytes
        raise _damage_error(path.name, f"holds {present} of {n_bytes} bytes of pixels")


def _damage_error(name: str, fault: str) -> InputError:
    return InputError("E101", f"{name} {fault}", "a whole BMP file", "Copy or export it again.")
