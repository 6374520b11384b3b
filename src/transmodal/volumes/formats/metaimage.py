"""MetaImage (.mha, or .mhd beside its voxels): a strict reader and a writer.

The header is plain text and short, and ITK turns voxels that are not finite into 0 before anyone can count
them; so header and voxels are read here, and ITK is the tests' second opinion.
"""

from __future__ import annotations

import hashlib
import math
import re
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, TransmodalError
from transmodal.storage import files, placeholders, streams
from transmodal.storage.streams import BUDGET_BYTES
from transmodal.volumes.formats.nifti_affine import assumed_affine
from transmodal.volumes.volume import Affine, Volume
from transmodal.volumes.voxels import Nonfinite, build_volume, to_real

_TYPES = {
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
_NAMES = {np.dtype(code): name for name, code in _TYPES.items()}
_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_HEADER_LIMIT = 1 << 16
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_NEUTRAL = {
    "ElementToIntensityFunctionSlope": "1",
    "ElementToIntensityFunctionOffset": "0",
}
"""Fields that would change what the voxels mean or where they are; only these values are read."""


def read(
    path: Path,
    *,
    nonfinite: Nonfinite = "refuse",
    assume_orientation: str | None = None,
    budget_bytes: int = BUDGET_BYTES,
) -> Volume:
    """Read one volume.

    Args:
        path: a `.mha` file, or a `.mhd` file with its voxels in the same folder.
        nonfinite: refuse voxels that are NaN or infinite, or take them as 0.
        assume_orientation: axis codes such as `RAS` for a file that does not say how it lies.
        budget_bytes: refuse files that declare or hold more.

    Raises:
        InputError: E100 without its voxels, E101 truncated or corrupt, E102 no MetaImage, E103 a header that
            makes no sense, E111 without its place in space, E112 a singular matrix, E120 voxels that are not
            finite, E121 other than three dimensions, E123 a voxel type that is not supported, E124 without
            voxels.
        ResourceError: E401 beyond the budget.
    """
    name = path.name
    with streams.guarded(name, "MetaImage"):
        header, behind = _read_header(path)
        layout = _layout(name, header)
        streams.check_budget(name, layout.n_bytes, budget_bytes)
        affine = _affine(name, header, layout.shape, assume_orientation)
        data = _read_data(path, header, behind, layout.n_bytes, budget_bytes)
        flat = np.frombuffer(data, dtype=layout.dtype)
        if layout.channels == 1:
            return build_volume(to_real(flat.reshape(layout.shape, order="F"), name, nonfinite), affine, name)
        colour = np.moveaxis(flat.reshape((layout.channels, *layout.shape), order="F"), 0, -1)
        return build_volume(np.ascontiguousarray(colour), affine, name)


def write(volume: Volume, path: Path) -> None:
    """Write header and deflated voxels into one `.mha`; the voxels are of a storable type.

    Raises:
        InputError: E112 for a sheared affine, which MetaImage readers do not keep.
    """
    data = zlib.compress(_voxel_bytes(volume), 4)
    path.write_bytes(_header_text(volume, path.name, len(data), "LOCAL") + data)


def write_pair(volume: Volume, path: Path, verify: Callable[[Volume, Path, str], None]) -> str:
    """Write `<name>.mhd` and its voxels, `<name>.<hash>.zraw`; return the SHA-256 of the header.

    The voxels' file is named by its content, so that an older header keeps its own voxels until the new
    header takes its name in one step.

    Raises:
        InputError: E112 for a sheared affine.
    """
    data = zlib.compress(_voxel_bytes(volume), 4)
    beside = path.with_name(f"{path.stem}.{hashlib.sha256(data).hexdigest()[:12]}.zraw")
    header = _header_text(volume, path.name, len(data), beside.name)
    older = _older_voxels_file(path)
    try:
        with files.atomic_path(beside) as partial:
            partial.write_bytes(data)
        with files.atomic_path(path) as partial:
            partial.write_bytes(header)
            verify(volume, partial, path.name)
    except BaseException:
        if beside != older:
            beside.unlink(missing_ok=True)
        raise
    if older is not None and older != beside:
        older.unlink(missing_ok=True)
    return files.sha256_file(path)


def _older_voxels_file(path: Path) -> Path | None:
    """Return the voxels' file of an older header of that name, if this module named it."""
    with suppress(TransmodalError, OSError):
        name = _read_header(path)[0]["ElementDataFile"]
        if re.fullmatch(re.escape(path.stem) + r"\.[0-9a-f]{12}\.zraw", name):
            return path.with_name(name)
    return None


def _voxel_bytes(volume: Volume) -> bytes:
    voxels = np.moveaxis(volume.voxels, -1, 0) if volume.is_colour else volume.voxels
    return voxels.tobytes(order="F")


def _header_text(volume: Volume, name: str, size: int, data_file: str) -> bytes:
    if volume.grid.is_sheared:
        raise InputError("E112", f"{name}: a sheared affine", "axes at right angles", "Write NIfTI instead.")
    lps = _LPS @ volume.affine
    spacing = np.array(volume.spacing)
    lines = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "True",
        "CompressedDataSize": str(size),
        # Column by column: MetaImage lists the direction of each axis in turn.
        "TransformMatrix": _format_numbers((lps[:3, :3] / spacing).T.ravel()),
        "Offset": _format_numbers(lps[:3, 3]),
        "CenterOfRotation": "0 0 0",
        "ElementSpacing": _format_numbers(spacing),
        "DimSize": " ".join(str(n) for n in volume.grid.shape),
        "ElementNumberOfChannels": str(volume.n_channels),
        "ElementType": _NAMES[volume.voxels.dtype],
        "ElementDataFile": data_file,
    }
    return "".join(f"{key} = {value}\n" for key, value in lines.items()).encode("utf-8")


def _format_numbers(values: NDArray[Any]) -> str:
    return " ".join(repr(float(value) + 0.0) for value in values)


class _Layout(NamedTuple):
    shape: tuple[int, int, int]
    channels: int
    dtype: np.dtype[Any]

    @property
    def n_bytes(self) -> int:
        return math.prod(self.shape) * self.channels * self.dtype.itemsize


def _read_header(path: Path) -> tuple[dict[str, str], int]:
    """Return the header's fields, and how many bytes they take."""
    placeholders.refuse(path)
    with path.open("rb") as stream:
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


def _layout(name: str, header: Mapping[str, str]) -> _Layout:
    if header.get("NDims") != "3":
        raise InputError(
            "E121",
            f"{name} has NDims {header.get('NDims')}",
            "one volume: 3",
            "Choose one frame, or convert it.",
        )
    for key, neutral in _NEUTRAL.items():
        if key in header and _parse_numbers(name, header, key, 1)[0] != float(neutral):
            raise InputError(
                "E102",
                f"{name} has {key} = {header[key]}",
                neutral,
                "Convert it to plain MetaImage or NIfTI.",
            )
    i, j, k = _parse_integers(name, header, "DimSize", 3)
    if min(i, j, k) < 1:
        raise InputError("E124", f"{name} has the sides {[i, j, k]}", "voxels on every axis", "Check it.")
    channels = _parse_integers(name, header, "ElementNumberOfChannels", 1)[0] if _has_channels(header) else 1
    kind = header.get("ElementType", "")
    if kind not in _TYPES or channels not in (1, 3) or (channels == 3 and kind != "MET_UCHAR"):
        raise InputError(
            "E123",
            f"{name} has {channels} channels of {kind or 'no ElementType'}",
            "grey integers or floats, or three channels of MET_UCHAR",
            "Convert it.",
        )
    if not _parse_flag(name, header, ("BinaryData",), default=True):
        raise InputError("E102", f"{name} has voxels as text", "binary voxels", "Convert it.")
    big = _parse_flag(name, header, ("BinaryDataByteOrderMSB", "ElementByteOrderMSB"), default=False)
    return _Layout((i, j, k), channels, np.dtype((">" if big else "<") + _TYPES[kind]))


def _has_channels(header: Mapping[str, str]) -> bool:
    return "ElementNumberOfChannels" in header


def _read_data(path: Path, header: Mapping[str, str], behind: int, n_bytes: int, budget: int) -> bytes:
    """Return the voxels' bytes, inflated to the last one."""
    source, start = _data_file(path, header, behind)
    compressed = _parse_flag(path.name, header, ("CompressedData",), default=False)
    key = "CompressedDataSize"
    if _has_voxels_last(path.name, header):
        if compressed and key not in header:
            raise InputError(
                "E102",
                f"{path.name} has HeaderSize = -1 and compressed voxels of no declared size",
                f"{key}, to find where they begin",
                "Convert it to plain MetaImage or NIfTI.",
            )
        size = _parse_integers(path.name, header, key, 1)[0] if compressed else n_bytes
        start = max(start, source.stat().st_size - size)
    present = source.stat().st_size - start
    streams.check_budget(source.name, present, budget)
    declared = _parse_integers(path.name, header, key, 1)[0] if compressed and key in header else present
    expected = declared if compressed else n_bytes
    if present != expected:
        raise InputError(
            "E101",
            f"{source.name} has {present} bytes of voxels",
            f"{expected} as the header declares",
            "Copy or export it again.",
        )
    placeholders.refuse(source)
    with source.open("rb") as stream:
        stream.seek(start)
        data = stream.read()
    return streams.inflate(source.name, data, n_bytes) if compressed else data


def _has_voxels_last(name: str, header: Mapping[str, str]) -> bool:
    """Tell whether voxels are the last bytes of their file, whatever lies before them: HeaderSize -1."""
    if "HeaderSize" not in header:
        return False
    size = _parse_integers(name, header, "HeaderSize", 1)[0]
    if size not in (0, -1):
        raise InputError(
            "E102",
            f"{name} has HeaderSize = {header['HeaderSize']}",
            "0, or -1",
            "Convert it to plain MetaImage or NIfTI.",
        )
    return size == -1


def _data_file(path: Path, header: Mapping[str, str], behind: int) -> tuple[Path, int]:
    """Return the file that holds the voxels, and their first byte."""
    name = header["ElementDataFile"]
    if name == "LOCAL":
        return path, behind
    if name in ("LIST", "", "..") or Path(name).name != name or set(name) & set("\\%\0"):
        raise InputError(
            "E103",
            f"{path.name} names the voxels {name!r}",
            "a file in the same folder, or LOCAL",
            "Convert it to .mha.",
        )
    beside = path.with_name(name)
    if not beside.is_file():
        raise InputError("E100", f"{name} is missing", f"the voxels of {path.name}", "Copy both files.")
    return beside, 0


def _affine(name: str, header: Mapping[str, str], shape: tuple[int, int, int], assumed: str | None) -> Affine:
    spacing_key = next((key for key in ("ElementSpacing", "ElementSize") if key in header), None)
    spacing = np.ones(3) if spacing_key is None else _parse_numbers(name, header, spacing_key, 3)
    if (spacing <= 0).any():
        raise InputError(
            "E103", f"{name} has {spacing_key} {spacing.tolist()}", "positive numbers", "Export it again."
        )
    turn = next((key for key in ("TransformMatrix", "Orientation", "Rotation") if key in header), None)
    place = next((key for key in ("Offset", "Position", "Origin") if key in header), None)
    if turn is not None and place is not None and spacing_key is not None:
        affine = np.eye(4)
        affine[:3, :3] = _parse_numbers(name, header, turn, 9).reshape(3, 3).T * spacing
        affine[:3, 3] = _parse_numbers(name, header, place, 3)
        return np.asarray(_LPS @ affine, float)
    if assumed is not None and spacing_key is not None:
        return assumed_affine(spacing, shape, assumed)
    raise InputError(
        "E111",
        f"{name} does not say how it lies",
        "ElementSpacing, TransformMatrix and Offset",
        "Export it again with its place in space, or say it: --assume-orientation RAS (or what is true).",
    )


def _parse_flag(name: str, header: Mapping[str, str], keys: tuple[str, ...], *, default: bool) -> bool:
    flags = {header[key].lower() for key in keys if key in header}
    if flags <= {"true", "false"} and len(flags) < 2:
        return "true" in flags if flags else default
    raise InputError(
        "E103", f"{name} has {' and '.join(keys)} = {sorted(flags)}", "True or False", "Export it again."
    )


def _parse_integers(name: str, header: Mapping[str, str], key: str, count: int) -> list[int]:
    numbers = _parse_numbers(name, header, key, count)
    if (numbers != np.rint(numbers)).any() or (np.abs(numbers) > 2**53).any():
        raise InputError("E103", f"{name} has {key} = {header[key]}", "whole numbers", "Export it again.")
    return [int(number) for number in numbers]


def _parse_numbers(name: str, header: Mapping[str, str], key: str, count: int) -> NDArray[np.float64]:
    words = header.get(key, "").split()
    numbers = np.array([float(word) for word in words if _NUMBER.fullmatch(word)])
    if len(words) != count or numbers.size != count or not np.isfinite(numbers).all():
        raise InputError(
            "E103", f"{name} has {key} = {header.get(key)}", f"{count} numbers", "Export it again."
        )
    return numbers
