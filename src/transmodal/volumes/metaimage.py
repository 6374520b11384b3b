"""MetaImage (.mha, or .mhd beside its voxels): a strict reader and a writer.

The header is plain text and short, and ITK turns voxels that are not finite into 0 before anyone can count
them; so header and voxels are read here, and ITK is the tests' second opinion.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, ResourceError
from transmodal.volumes import files
from transmodal.volumes.nifti import BUDGET_BYTES, finite
from transmodal.volumes.volume import Affine, Volume

_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_NAMES = {np.dtype(code): name for name, code in _TYPES.items() if code != "f8"}
_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_HEADER_LIMIT = 1 << 16


def read(
    path: Path, *, nonfinite: Literal["refuse", "zero"] = "refuse", budget_bytes: int = BUDGET_BYTES
) -> Volume:
    """Read one volume.

    Raises:
        InputError: E101 truncated or corrupt, E102 no MetaImage, E103 a header that makes no sense, E112 a
            singular matrix, E120 voxels that are not finite, E121 other than three dimensions, E123 a
            voxel type that is not supported, E124 without voxels.
        ResourceError: E401 beyond the budget.
    """
    header, behind = _header(path)
    shape, channels, dtype = _layout(path, header)
    needed = int(np.prod([*shape, channels], dtype=object)) * dtype.itemsize
    _budgeted(path, needed, budget_bytes)
    data = _voxel_bytes(path, header, behind, needed)
    flat = np.frombuffer(data, dtype=dtype)
    voxels = flat.reshape((channels, *shape), order="F") if channels > 1 else flat.reshape(shape, order="F")
    voxels = np.moveaxis(voxels, 0, -1) if channels > 1 else voxels
    voxels = voxels.astype(np.float32 if dtype.kind == "f" else dtype.newbyteorder("="))
    if voxels.dtype.kind == "f":
        voxels = finite(voxels, path.name, nonfinite)
    return Volume(np.ascontiguousarray(voxels), _affine(path, header))


def write(volume: Volume, path: Path) -> None:
    """Write header and deflated voxels into one `.mha`.

    Raises:
        InputError: E112 for a sheared affine, which MetaImage readers do not keep.
    """
    data = zlib.compress(_plain(volume), 4)
    header = _text(volume, path.name, {"CompressedDataSize": str(len(data)), "ElementDataFile": "LOCAL"})
    path.write_bytes(header + data)


def write_pair(volume: Volume, path: Path, verify: Callable[[Volume, Path, str], None]) -> str:
    """Write `<name>.mhd` and `<name>.zraw`, voxels first; return the SHA-256 of the header.

    Raises:
        InputError: E112 for a sheared affine.
    """
    data = zlib.compress(_plain(volume), 4)
    beside = path.with_suffix(".zraw")
    lines = {"CompressedDataSize": str(len(data)), "ElementDataFile": beside.name}
    header = _text(volume, path.name, lines)
    with files.atomic_path(beside) as partial:
        partial.write_bytes(data)
    with files.atomic_path(path) as partial:
        partial.write_bytes(header)
        verify(volume, partial, path.name)
    return files.sha256_file(path)


def _plain(volume: Volume) -> bytes:
    voxels = np.moveaxis(volume.voxels, -1, 0) if volume.is_colour else volume.voxels
    return voxels.tobytes(order="F")


def _text(volume: Volume, name: str, last: Mapping[str, str]) -> bytes:
    if volume.grid.is_sheared:
        raise InputError("E112", f"{name}: a sheared affine", "axes at right angles", "Write NIfTI instead.")
    lps = _LPS @ volume.affine
    spacing = np.array(volume.spacing)
    directions = lps[:3, :3] / spacing
    lines = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "True",
        # Column by column: MetaImage lists the direction of each axis in turn.
        "TransformMatrix": _numbers(directions.T.ravel()),
        "Offset": _numbers(lps[:3, 3]),
        "CenterOfRotation": "0 0 0",
        "ElementSpacing": _numbers(spacing),
        "DimSize": " ".join(str(n) for n in volume.grid.shape),
    }
    if volume.is_colour:
        lines["ElementNumberOfChannels"] = "3"
    lines["ElementType"] = _NAMES[volume.voxels.dtype]
    return "".join(f"{key} = {value}\n" for key, value in {**lines, **last}.items()).encode("ascii")


def _numbers(values: NDArray[Any]) -> str:
    return " ".join(repr(float(value) + 0.0) for value in values)


def _header(path: Path) -> tuple[dict[str, str], bytes]:
    """Return the header's fields, and what stands behind it in the same file."""
    content = path.read_bytes()
    fields: dict[str, str] = {}
    start = 0
    while start < min(len(content), _HEADER_LIMIT):
        end = content.find(b"\n", start, _HEADER_LIMIT)
        line = content[start : end if end >= 0 else None]
        try:
            key, value = line.decode("ascii").split("=", 1)
        except ValueError as error:
            raise InputError(
                "E102", f"{path.name} has no MetaImage header", "lines of `Key = value`", "Check the file."
            ) from error
        fields[key.strip()] = value.strip()
        start = end + 1 if end >= 0 else len(content)
        if key.strip() == "ElementDataFile":
            return fields, content[start:]
    raise InputError(
        "E101", f"{path.name} has no ElementDataFile", "a whole MetaImage header", "Copy or export it again."
    )


def _layout(path: Path, header: Mapping[str, str]) -> tuple[tuple[int, int, int], int, np.dtype[Any]]:
    if header.get("NDims") != "3":
        raise InputError(
            "E121", f"{path.name} has NDims {header.get('NDims')}", "one volume: 3", "Choose one frame."
        )
    sides = [int(value) for value in _parsed(path, header, "DimSize", 3)]
    if min(sides) < 1:
        raise InputError("E124", f"{path.name} has the sides {sides}", "voxels on every axis", "Check it.")
    channels = int(_parsed(path, header, "ElementNumberOfChannels", 1)[0]) if _has_channels(header) else 1
    kind = header.get("ElementType", "")
    if kind not in _TYPES or channels not in (1, 3) or (channels == 3 and kind != "MET_UCHAR"):
        raise InputError(
            "E123",
            f"{path.name} has {channels} channels of {kind or 'no ElementType'}",
            "grey integers or floats, or three channels of MET_UCHAR",
            "Convert it.",
        )
    big = header.get("BinaryDataByteOrderMSB", header.get("ElementByteOrderMSB", "False")).lower() == "true"
    if header.get("BinaryData", "True").lower() != "true":
        raise InputError("E102", f"{path.name} has voxels as text", "binary voxels", "Convert it.")
    return (sides[0], sides[1], sides[2]), channels, np.dtype((">" if big else "<") + _TYPES[kind])


def _has_channels(header: Mapping[str, str]) -> bool:
    return "ElementNumberOfChannels" in header


def _voxel_bytes(path: Path, header: Mapping[str, str], behind: bytes, needed: int) -> bytes:
    name = header["ElementDataFile"]
    if name != "LOCAL":
        if name in ("LIST", "") or Path(name).name != name or "\\" in name or "%" in name:
            raise InputError(
                "E103",
                f"{path.name} names the voxels {name!r}",
                "a file in the same folder, or LOCAL",
                "Convert it to .mha.",
            )
        beside = path.with_name(name)
        if not beside.is_file():
            raise InputError(
                "E100", f"{beside.name} is missing", f"the voxels of {path.name}", "Copy both files."
            )
        behind = beside.read_bytes()
    if header.get("CompressedData", "False").lower() == "true":
        behind = _inflated(path, behind, needed)
    if len(behind) != needed:
        raise InputError(
            "E101",
            f"{path.name} has {len(behind)} bytes of voxels",
            f"{needed} as its header declares",
            "Copy or export it again.",
        )
    return behind


def _inflated(path: Path, data: bytes, needed: int) -> bytes:
    inflater = zlib.decompressobj(47)  # zlib or gzip, by its magic
    try:
        plain = inflater.decompress(data, needed + 1)
        plain += inflater.decompress(inflater.unconsumed_tail, 1) if not inflater.eof else b""
    except zlib.error as error:
        raise InputError(
            "E101",
            f"{path.name} has corrupt voxels ({error})",
            "a stream whose checksum holds",
            "Copy or export it again.",
        ) from error
    if not inflater.eof or inflater.unused_data:
        raise InputError(
            "E101",
            f"{path.name} has a stream that {'is cut off' if not inflater.eof else 'goes on'}",
            f"{needed} bytes of voxels",
            "Copy or export it again.",
        )
    return plain


def _affine(path: Path, header: Mapping[str, str]) -> Affine:
    spacing = _parsed(path, header, "ElementSpacing", 3, default="1 1 1")
    if (spacing <= 0).any():
        raise InputError(
            "E103",
            f"{path.name} has ElementSpacing {spacing.tolist()}",
            "positive numbers",
            "Export it again.",
        )
    key = next((one for one in ("TransformMatrix", "Orientation", "Rotation") if one in header), None)
    place = next((one for one in ("Offset", "Position", "Origin") if one in header), None)
    if key is None or place is None:
        raise InputError(
            "E111",
            f"{path.name} does not say how it lies",
            "TransformMatrix and Offset",
            "Export it again with its place in space.",
        )
    directions = _parsed(path, header, key, 9).reshape(3, 3).T
    affine = np.eye(4)
    affine[:3, :3] = directions * spacing
    affine[:3, 3] = _parsed(path, header, place, 3)
    return np.asarray(_LPS @ affine, float)


def _parsed(
    path: Path, header: Mapping[str, str], key: str, count: int, default: str = ""
) -> NDArray[np.float64]:
    text = header.get(key, default)
    try:
        numbers = np.array([float(part) for part in text.split()])
    except ValueError:
        numbers = np.empty(0)
    if numbers.size != count or not np.isfinite(numbers).all():
        raise InputError("E103", f"{path.name} has {key} = {text}", f"{count} numbers", "Export it again.")
    return numbers


def _budgeted(path: Path, size: int, budget: int) -> None:
    if size > budget:
        raise ResourceError(
            "E401",
            f"{path.name} declares {size / 2**30:.2f} GiB",
            f"at most {budget / 2**30:.2f} GiB",
            "Crop it, or check that it is what you think it is.",
        )
