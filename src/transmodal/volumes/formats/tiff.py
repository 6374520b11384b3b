"""TIFF files held against themselves: directories that come to an end, and strips or tiles for every row.

Decoders stop a directory that leads back to itself without a word, leave rows without a strip black, and put a default
in the place of a field that they cannot read: a picture without its photometric interpretation comes out inverted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Literal

from transmodal.errors import InputError
from transmodal.storage import regular
from transmodal.volumes.formats import tiff_strips

_WIDTH, _LENGTH, _BITS, _COMPRESSION, _SAMPLES, _PLANES = 256, 257, 258, 259, 277, 284
_PHOTOMETRIC, _FILL_ORDER, _PREDICTOR, _SAMPLE_KIND = 262, 266, 317, 339
_STRIPS, _STRIP_ROWS, _STRIP_SIZES = 273, 278, 279
_TILE_WIDTH, _TILE_LENGTH, _TILES, _TILE_SIZES = 322, 323, 324, 325
_PLAIN = 1
"""Compression: none."""
_DECIDING = {
    *(
        _WIDTH,
        _LENGTH,
        _BITS,
        _COMPRESSION,
        _SAMPLES,
        _PLANES,
        _PHOTOMETRIC,
        _FILL_ORDER,
        _PREDICTOR,
        _SAMPLE_KIND,
    ),
    *(_STRIPS, _STRIP_ROWS, _STRIP_SIZES, _TILE_WIDTH, _TILE_LENGTH, _TILES, _TILE_SIZES),
}
"""Fields that decide how pixels are decoded."""
_WHOLE_NUMBERS = {1, 3, 4, 13, 16, 18}
"""Types of fields: BYTE, SHORT, LONG, IFD, and LONG8 and IFD8 of BigTIFF."""


def check_directories(path: Path) -> None:
    """Refuse a TIFF whose directories lead back to one another, or whose fields are none that decoders read.

    Raises:
        InputError: E103.
    """
    with regular.open_file(path) as stream:
        start = stream.read(16)
        order: Literal["little", "big"] = "big" if start[:2] == b"MM" else "little"
        is_big = int.from_bytes(start[2:4], order) == 43
        place = int.from_bytes(start[8:16] if is_big else start[4:8], order)
        visited: set[int] = set()
        while place:
            if place in visited:
                raise InputError(
                    "E103",
                    f"{path.name} has a directory that leads back to itself",
                    "directories that come to an end",
                    "Save the picture again.",
                )
            if not visited:
                _check_fields(path.name, _fields(stream, place, order, is_big=is_big))
            visited.add(place)
            place = _next_directory(stream, place, order, is_big=is_big)


def check_rows(tags: Mapping[int, Any], path: Path) -> None:
    """Refuse a TIFF whose strips or tiles are fewer, shorter or longer than its rows need.

    Of compressed strips the last is held against its rows, since rows that a header hides are there; shorter ones are
    their decoder's to refuse.

    Args:
        tags: of the directory, by number.
        path: the file.

    Raises:
        InputError: E101.
    """
    columns, rows = int(tags[_WIDTH]), int(tags[_LENGTH])
    bits, samples = _numbers(tags, _BITS) or (1,), int(tags.get(_SAMPLES, 1))
    planes = samples if int(tags.get(_PLANES, 1)) > 1 else 1
    if _TILES in tags:
        width, height = int(tags[_TILE_WIDTH]), int(tags[_TILE_LENGTH])
        places, sizes = _numbers(tags, _TILES), _numbers(tags, _TILE_SIZES)
        count = math.ceil(columns / width) * math.ceil(rows / height)
        n_bytes = count * height * math.ceil(width * bits[0] * samples / planes / 8)
    else:
        height = min(int(tags.get(_STRIP_ROWS, rows)), rows)
        places, sizes = _numbers(tags, _STRIPS), _numbers(tags, _STRIP_SIZES)
        count = math.ceil(rows / height)
        n_bytes = rows * math.ceil(columns * bits[0] * samples / planes / 8)
    is_short = len(places) != count * planes or (sizes and len(sizes) != len(places))
    is_plain = int(tags.get(_COMPRESSION, _PLAIN)) == _PLAIN and bool(sizes)
    excess = sum(sizes) - n_bytes * planes
    if is_short or (is_plain and not 0 <= excess <= len(places)):  # each may end on an even byte
        raise InputError(
            "E101",
            f"{path.name} has {len(places)} parts of {sum(sizes)} bytes",
            f"{count * planes} of {n_bytes * planes} bytes for its {rows} rows"
            if is_plain
            else f"{count * planes} for its {rows} rows",
            "Copy or export it again.",
        )
    if _TILES not in tags and not is_plain and sizes:
        n_last = (rows - (count - 1) * height) * (n_bytes // rows)
        _check_last(path, int(tags[_COMPRESSION]), (places[-1], sizes[-1]), n_last)


def _check_last(path: Path, compression: int, part: tuple[int, int], n_bytes: int) -> None:
    """Refuse a last strip, by its place and size, that gives more than the rows that are left for it."""
    place, size = part
    with regular.open_file(path) as stream:
        stream.seek(place)
        n_present = tiff_strips.count_bytes(compression, stream.read(size), n_bytes)
    if n_present is not None and n_present > n_bytes:
        raise InputError(
            "E101",
            f"{path.name} has more rows than it declares",
            f"{n_bytes} bytes in its last strip",
            "Copy or export it again.",
        )


def _check_fields(name: str, fields: Mapping[int, tuple[int, int]]) -> None:
    """Refuse fields, as type and count by tag, in whose place decoders would put a default."""
    unreadable = [
        tag
        for tag, (kind, count) in sorted(fields.items())
        if tag in _DECIDING and (kind not in _WHOLE_NUMBERS or count == 0)
    ]
    if unreadable or (fields and _PHOTOMETRIC not in fields):
        fault = (
            f"field {unreadable[0]} without a whole number" if unreadable else "no photometric interpretation"
        )
        raise InputError(
            "E103", f"{name} has {fault}", "how its pixels are to be taken", "Save the picture again."
        )


def _fields(
    stream: BinaryIO, place: int, order: Literal["little", "big"], *, is_big: bool
) -> dict[int, tuple[int, int]]:
    """Return type and count by tag of the fields of a directory; none of one that is cut."""
    count_bytes, entry_bytes, number_bytes = (8, 20, 8) if is_big else (2, 12, 4)
    stream.seek(place)
    n_entries = int.from_bytes(stream.read(count_bytes), order)
    fields = {}
    for _ in range(n_entries):
        entry = stream.read(entry_bytes)
        if len(entry) < entry_bytes:
            return {}
        tag, kind = (int.from_bytes(entry[start : start + 2], order) for start in (0, 2))
        fields[tag] = kind, int.from_bytes(entry[4 : 4 + number_bytes], order)
    return fields


def _next_directory(stream: BinaryIO, place: int, order: Literal["little", "big"], *, is_big: bool) -> int:
    """Return where the next directory begins; 0 behind the last, and where the file ends before."""
    count_bytes, entry_bytes, place_bytes = (8, 20, 8) if is_big else (2, 12, 4)
    stream.seek(place)
    n_entries = int.from_bytes(stream.read(count_bytes), order)
    stream.seek(place + count_bytes + entry_bytes * n_entries)
    return int.from_bytes(stream.read(place_bytes), order)


def _numbers(tags: Mapping[int, Any], tag: int) -> tuple[int, ...]:
    values = tags.get(tag, ())
    return tuple(int(value) for value in values) if isinstance(values, tuple) else (int(values),)
