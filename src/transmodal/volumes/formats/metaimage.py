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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, TransmodalError
from transmodal.storage import files, placeholders, regular, streams
from transmodal.volumes.formats import nifti_header
from transmodal.volumes.formats.metaimage_header import (
    LPS,
    TYPES,
    build_affine,
    build_layout,
    has_voxels_last,
    parse_flag,
    parse_integers,
    read_header,
)
from transmodal.volumes.volume import Volume
from transmodal.volumes.voxels import Nonfinite, build_volume, to_real

_ANNEX = Path(".git", "annex", "objects")
_NAMES = {np.dtype(code): name for name, code in TYPES.items()}


def read(
    path: Path,
    *,
    nonfinite: Nonfinite = "refuse",
    assume_orientation: str | None = None,
    budget_bytes: int | None = None,
) -> Volume:
    """Read one volume.

    Args:
        path: a `.mha` file, or a `.mhd` file with its voxels in the same folder.
        nonfinite: refuse voxels that are NaN or infinite, or take them as 0.
        assume_orientation: axis codes such as `RAS` for a file that does not say how it lies.
        budget_bytes: refuse files that declare or hold more; None takes `memory.budget`.

    Raises:
        InputError: E100 without its voxels, E101 truncated or corrupt, E102 no MetaImage, E103 a header that
            makes no sense, E111 without its place in space, E112 a singular matrix, E120 voxels that are not
            finite, E121 other than three dimensions, E123 a voxel type that is not supported, E124 without
            voxels.
        ResourceError: E401 beyond the budget.
    """
    name = path.name
    with streams.guarded(name, "MetaImage"):
        header, behind = read_header(path)
        layout = build_layout(name, header)
        size = max(layout.n_bytes, 4 * math.prod(layout.shape))
        streams.check_budget(name, size, budget_bytes, n_stored=_compressed_size(path, header))
        affine = build_affine(name, header, layout.shape, assume_orientation)
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
        name = read_header(path)[0]["ElementDataFile"]
        if re.fullmatch(re.escape(path.stem) + r"\.[0-9a-f]{12}\.zraw", name):
            return path.with_name(name)
    return None


def _voxel_bytes(volume: Volume) -> bytes:
    voxels = np.moveaxis(volume.voxels, -1, 0) if volume.is_colour else volume.voxels
    return voxels.tobytes(order="F")


def _header_text(volume: Volume, name: str, size: int, data_file: str) -> bytes:
    if volume.grid.is_sheared:
        raise InputError("E112", f"{name}: a sheared affine", "axes at right angles", "Write NIfTI instead.")
    lps = LPS @ volume.affine
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


def _compressed_size(path: Path, header: Mapping[str, str]) -> int | None:
    """Return the bytes of the file that holds compressed voxels; None where they are not."""
    if not parse_flag(path.name, header, ("CompressedData",), default=False):
        return None
    return _data_file(path, header, 0)[0].stat().st_size


def _read_data(path: Path, header: Mapping[str, str], behind: int, n_bytes: int, budget: int | None) -> bytes:
    """Return the voxels' bytes, inflated to the last one."""
    source, start = _data_file(path, header, behind)
    compressed = parse_flag(path.name, header, ("CompressedData",), default=False)
    key = "CompressedDataSize"
    if has_voxels_last(path.name, header):
        if compressed and key not in header:
            raise InputError(
                "E102",
                f"{path.name} has HeaderSize = -1 and compressed voxels of no declared size",
                f"{key}, to find where they begin",
                "Convert it to plain MetaImage or NIfTI.",
            )
        size = parse_integers(path.name, header, key, 1)[0] if compressed else n_bytes
        start = _last_bytes(path, source, start, size)
    present = source.stat().st_size - start
    streams.check_budget(source.name, present, budget)
    declared = parse_integers(path.name, header, key, 1)[0] if compressed and key in header else present
    expected = declared if compressed else n_bytes
    if present != expected:
        raise InputError(
            "E101",
            f"{source.name} has {present} bytes of voxels",
            f"{expected} as the header declares",
            "Copy or export it again.",
        )
    placeholders.refuse(source)
    with regular.open_file(source) as stream:
        stream.seek(start)
        data = stream.read()
    return streams.inflate(source.name, data, n_bytes) if compressed else data


def _last_bytes(path: Path, source: Path, start: int, size: int) -> int:
    """Return where voxels begin that are the last bytes of their file; no byte of a known header is among them."""
    if source == path:
        return start  # nothing lies between header and voxels: a cut file would begin elsewhere
    place = max(source.stat().st_size - size, 0)
    first = nifti_header.first_voxel(source)
    if first is not None and first != place:
        raise InputError(
            "E101",
            f"{source.name} has voxels from byte {first} by its own header",
            f"byte {place} as {path.name} declares",
            "Copy both files again.",
        )
    return place


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
    placeholders.refuse(beside)
    if not beside.is_file():
        raise InputError("E100", f"{name} is missing", f"the voxels of {path.name}", "Copy both files.")
    if beside.suffix.lower() in (".mha", ".mhd") or beside.samefile(path):
        raise InputError(
            "E103",
            f"{path.name} names a header, {name}, as its voxels",
            "a file of voxels, or LOCAL",
            "Convert it to .mha.",
        )
    if not _is_within(beside, path):
        raise InputError(
            "E103",
            f"{name}, the voxels of {path.name}, is a link out of its folder",
            "a file in the same folder",
            "Put the file itself in the place of the link.",
        )
    return beside, 0


def _is_within(beside: Path, path: Path) -> bool:
    """Return whether the voxels' file, through links, lies in the header's folder, or where git-annex has its content."""
    end = beside.resolve()
    if end.parent in (path.parent.resolve(), path.resolve().parent):
        return True
    folder = path.parent.resolve()
    return any(end.is_relative_to(above / _ANNEX) for above in (folder, *folder.parents))
