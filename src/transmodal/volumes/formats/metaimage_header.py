"""Headers of MetaImage files, read strictly: their fields, the layout of the voxels, and the affine."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError
from transmodal.storage import placeholders, regular
from transmodal.volumes.formats.nifti_affine import assumed_affine
from transmodal.volumes.volume import Affine

TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_HEADER_LIMIT = 1 << 16
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_UNIT_TOLERANCE = 1e-3
"""How far the length of a direction may be from 1 by its rounding."""
_NEUTRAL = {
    "ElementToIntensityFunctionSlope": "1",
    "ElementToIntensityFunctionOffset": "0",
}
"""Fields that would change what the voxels mean or where they are; only these values are read."""


class MetaImageLayout(NamedTuple):
    """The voxels by the header.

    Attributes:
        shape: `(I, J, K)`.
        channels: 1 for grey, 3 for colour.
        dtype: of one value, with its byte order.
    """

    shape: tuple[int, int, int]
    channels: int
    dtype: np.dtype[Any]

    @property
    def n_bytes(self) -> int:
        """Bytes of all voxels, inflated."""
        return math.prod(self.shape) * self.channels * self.dtype.itemsize


def read_header(path: Path) -> tuple[dict[str, str], int]:
    """Return the header's fields, and how many bytes they take."""
    placeholders.refuse(path)
    with regular.open_file(path) as stream:
        start = stream.read(_HEADER_LIMIT)
    fields: dict[str, str] = {}
    n_bytes = 0
    for line in start.splitlines(keepends=True):
        n_bytes += len(line)
        key, equals, value = line.decode("utf-8", "replace").partition("=")
        key, value = key.strip(), value.strip()
        if not equals or not key.isprintable() or key in fields:
            raise InputError(
                "E102",
                f"{path.name} has no MetaImage header (line {len(fields) + 1})",
                "lines of `Key = value`, each key once",
                "Check the file.",
            )
        fields[key] = value
        if key == "ElementDataFile":
            return fields, n_bytes
    raise InputError(
        "E101", f"{path.name} has no ElementDataFile", "a whole MetaImage header", "Copy or export it again."
    )


def build_layout(name: str, header: Mapping[str, str]) -> MetaImageLayout:
    """Return the layout of the voxels.

    Raises:
        InputError: E102, E103, E121, E123, E124 for fields that make no volume.
    """
    if header.get("NDims") != "3":
        raise InputError(
            "E121",
            f"{name} has another NDims than 3" if "NDims" in header else f"{name} has no NDims",
            "one volume: 3",
            "Choose one frame, or convert it.",
        )
    for key, neutral in _NEUTRAL.items():
        if key in header and _parse_numbers(name, header, key, 1)[0] != float(neutral):
            raise InputError(
                "E102",
                f"{name} has another {key}",
                neutral,
                "Convert it to plain MetaImage or NIfTI.",
            )
    i, j, k = parse_integers(name, header, "DimSize", 3)
    if min(i, j, k) < 1:
        raise InputError("E124", f"{name} has the sides {[i, j, k]}", "voxels on every axis", "Check it.")
    channels = parse_integers(name, header, "ElementNumberOfChannels", 1)[0] if _has_channels(header) else 1
    kind = header.get("ElementType", "")
    if kind not in TYPES or channels not in (1, 3) or (channels == 3 and kind != "MET_UCHAR"):
        raise InputError(
            "E123",
            f"{name} has {channels} channels of {_known_type(kind)}",
            "grey integers or floats, or three channels of MET_UCHAR",
            "Convert it.",
        )
    if not parse_flag(name, header, ("BinaryData",), default=True):
        raise InputError("E102", f"{name} has voxels as text", "binary voxels", "Convert it.")
    big = parse_flag(name, header, ("BinaryDataByteOrderMSB", "ElementByteOrderMSB"), default=False)
    return MetaImageLayout((i, j, k), channels, np.dtype((">" if big else "<") + TYPES[kind]))


def build_affine(
    name: str, header: Mapping[str, str], shape: tuple[int, int, int], assumed: str | None
) -> Affine:
    """Return the affine in RAS+ mm.

    Args:
        name: the file, for messages.
        header: its fields.
        shape: `(I, J, K)`.
        assumed: axis codes for a file that does not say how it lies.

    Raises:
        InputError: E103 for a spacing or directions that make no sense, E111 without its place in space.
    """
    spacing_key = next((key for key in ("ElementSpacing", "ElementSize") if key in header), None)
    spacing = np.ones(3) if spacing_key is None else _parse_numbers(name, header, spacing_key, 3)
    if (spacing <= 0).any():
        raise InputError(
            "E103", f"{name} has {spacing_key} {spacing.tolist()}", "positive numbers", "Export it again."
        )
    if "CenterOfRotation" in header:  # ITK loses the lines behind one that is short
        _parse_numbers(name, header, "CenterOfRotation", 3)
    turn = next((key for key in ("TransformMatrix", "Orientation", "Rotation") if key in header), None)
    place = next((key for key in ("Offset", "Position", "Origin") if key in header), None)
    if turn is not None and place is not None and spacing_key is not None:
        affine = np.eye(4)
        affine[:3, :3] = _parse_directions(name, header, turn).T * spacing
        affine[:3, 3] = _parse_numbers(name, header, place, 3)
        return np.asarray(LPS @ affine, float)
    if assumed is not None and spacing_key is not None:
        return assumed_affine(spacing, shape, assumed)
    raise InputError(
        "E111",
        f"{name} does not say how it lies",
        "ElementSpacing, TransformMatrix and Offset",
        "Export it again with its place in space, or say it: --assume-orientation RAS (or what is true).",
    )


def has_voxels_last(name: str, header: Mapping[str, str]) -> bool:
    """Return whether voxels are the last bytes of their file, whatever lies before them: HeaderSize -1."""
    if "HeaderSize" not in header:
        return False
    size = parse_integers(name, header, "HeaderSize", 1)[0]
    if size not in (0, -1):
        raise InputError(
            "E102",
            f"{name} has the HeaderSize {size}",
            "0, or -1",
            "Convert it to plain MetaImage or NIfTI.",
        )
    return size == -1


def parse_flag(name: str, header: Mapping[str, str], keys: tuple[str, ...], *, default: bool) -> bool:
    """Return a field that is True or False under any of its keys.

    Raises:
        InputError: E103 for another value, or for keys that contradict one another.
    """
    flags = {header[key].lower() for key in keys if key in header}
    if flags <= {"true", "false"} and len(flags) < 2:
        return "true" in flags if flags else default
    raise InputError(
        "E103", f"{name} has a {' or '.join(keys)} that makes no sense", "True or False", "Export it again."
    )


def parse_integers(name: str, header: Mapping[str, str], key: str, count: int) -> list[int]:
    """Return a field of `count` whole numbers.

    Raises:
        InputError: E103 for anything else.
    """
    numbers = _parse_numbers(name, header, key, count)
    if (numbers != np.rint(numbers)).any() or (np.abs(numbers) > 2**53).any():
        raise InputError("E103", f"{name} has parts of numbers as {key}", "whole numbers", "Export it again.")
    return [int(number) for number in numbers]


def _parse_numbers(name: str, header: Mapping[str, str], key: str, count: int) -> NDArray[np.float64]:
    words = header.get(key, "").split()
    numbers = np.array([float(word) for word in words if _NUMBER.fullmatch(word)])
    if len(words) != count or numbers.size != count or not np.isfinite(numbers).all():
        raise InputError(
            "E103",
            f"{name} has a {key} that makes no sense" if key in header else f"{name} has no {key}",
            f"{count} numbers",
            "Export it again.",
        )
    return numbers


def _parse_directions(name: str, header: Mapping[str, str], key: str) -> NDArray[np.float64]:
    """Return the direction of each axis, row by row; a length that is not 1 would be a second spacing."""
    directions = _parse_numbers(name, header, key, 9).reshape(3, 3)
    lengths = np.linalg.norm(directions, axis=1)
    if np.abs(lengths - 1).max() > _UNIT_TOLERANCE:
        raise InputError(
            "E103",
            f"{name} has a {key} of directions as long as {', '.join(f'{length:.4g}' for length in lengths)}",
            "three directions of length 1, the step being ElementSpacing's",
            "Export it again.",
        )
    return directions


def _known_type(kind: str) -> str:
    """Return a type as MetaImage calls it; another text is not shown, as it can be of a patient."""
    if not kind:
        return "no ElementType"
    return kind if re.fullmatch(r"MET_[A-Z_]{3,20}", kind) else "an unknown ElementType"


def _has_channels(header: Mapping[str, str]) -> bool:
    return "ElementNumberOfChannels" in header
