"""NIfTI-1 and -2 in one file: a strict reader over nibabel, and a writer whose bytes depend on the volume only.

What is checked here and left unchecked elsewhere: the whole gzip stream to its checksum, the declared
against the present size before anything is allocated, raw `pixdim` and `scl` fields, sform against qform
(see `nifti_affine`), and voxels that are not finite.
"""

from __future__ import annotations

import gzip
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.storage import regular, streams
from transmodal.storage.streams import BUDGET_BYTES
from transmodal.volumes.formats import nifti_affine
from transmodal.volumes.formats.nifti_affine import Form
from transmodal.volumes.volume import Affine, Grid, Volume
from transmodal.volumes.voxels import Nonfinite, build_volume, to_real, to_storable

_RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
_RGB_CODE = 128
_SIDE_LIMIT = 32767
SERIES_BUDGET_BYTES = 4 * BUDGET_BYTES
"""Most bytes that a series may declare or hold, inflated: hundreds of volumes."""
_KINDS = {348: (nib.Nifti1Header, b"n+1\0"), 540: (nib.Nifti2Header, b"n+2\0\r\n\x1a\n")}


def read(
    path: Path,
    *,
    nonfinite: Nonfinite = "refuse",
    orientation_from: Form | None = None,
    assume_orientation: str | None = None,
    frame: int | None = None,
    budget_bytes: int = BUDGET_BYTES,
) -> Volume:
    """Read one volume in real-world values.

    Args:
        path: a `.nii` or `.nii.gz` file.
        nonfinite: refuse voxels that are NaN or infinite, or take them as 0.
        orientation_from: which form to believe where they disagree.
        assume_orientation: axis codes such as `RAS` for a file that does not say how it lies.
        frame: which volume of a series, from 0.
        budget_bytes: refuse files that declare or hold more.

    Raises:
        InputError: E101 truncated or corrupt, E102 no NIfTI, E103 a contradictory header, E110, E111,
            E112 for its place in space, E120 for voxels that are not finite, E121 for its dimensions,
            E123 for its voxel type, E124 without voxels.
        ResourceError: E401 beyond the budget.
        UsageError: E001, E004 for options that do not fit the file.
    """
    with streams.guarded(path.name, "NIfTI file"):
        parts = streams.blocks(path, gzipped=path.name.lower().endswith(".gz"))
        start = streams.head(parts, max(_KINDS))
        layout = _layout(path.name, start, budget_bytes)
        slope, intercept = _scaling(path.name, layout.header)
        i, j, k = layout.shape[:3]
        affine = nifti_affine.affine_of(
            layout.header, path.name, (i, j, k), orientation_from, assume_orientation
        )
        content = streams.gather(path.name, start, parts, layout.offset + layout.n_bytes)
        raw = _one_volume(path.name, _voxels(content, layout), frame)
        if raw.ndim == 4:
            volume = build_volume(np.ascontiguousarray(raw), affine, path.name)
        else:
            values = to_real(raw, path.name, nonfinite, slope=slope, intercept=intercept)
            volume = build_volume(values, affine, path.name)
        return replace(volume, space=nifti_affine.space_of(layout.header, orientation_from))


def n_volumes(path: Path, *, budget_bytes: int = SERIES_BUDGET_BYTES) -> int:
    """Return how many volumes a file declares: 1, or as many as a series has.

    Raises:
        InputError: as `read`, for its header.
        ResourceError: E401 beyond the budget.
    """
    with streams.guarded(path.name, "NIfTI file"):
        parts = streams.blocks(path, gzipped=path.name.lower().endswith(".gz"))
        layout = _layout(path.name, streams.head(parts, max(_KINDS)), budget_bytes)
        outer = layout.shape[3:]
        # Colour can stand as a vector of three bytes, which is one volume (see `_one_volume`).
        return 1 if outer == (1, 3) and layout.dtype == np.uint8 else math.prod(outer)


def first_voxel(path: Path) -> int | None:
    """Return the first byte of the voxels of an uncompressed file; None where it is no NIfTI file."""
    with regular.open_file(path) as stream:
        start = stream.read(max(_KINDS))
    try:
        return _offset(path.name, _header(path.name, start))
    except InputError:
        return None


def read_series(
    path: Path,
    frames: NDArray[np.integer[Any]],
    n_frames: int,
    *,
    nonfinite: Nonfinite = "refuse",
    orientation_from: Form | None = None,
    assume_orientation: str | None = None,
    budget_bytes: int = SERIES_BUDGET_BYTES,
) -> tuple[NDArray[Any], Affine]:
    """Read chosen volumes of a series in real-world values.

    Args:
        path: a `.nii` or `.nii.gz` file of four dimensions.
        frames: which volumes, from 0, in any order.
        n_frames: how many there have to be in the file.
        nonfinite: as for `read`.
        orientation_from: as for `read`.
        assume_orientation: as for `read`.
        budget_bytes: refuse files that declare or hold more.

    Returns:
        Voxels `(I, J, K, len(frames))`, integers or float32, and the affine.

    Raises:
        InputError: E121 when there are not `n_frames` volumes of grey, and as `read`.
        ResourceError: E401 beyond the budget.
    """
    with streams.guarded(path.name, "NIfTI file"):
        parts = streams.blocks(path, gzipped=path.name.lower().endswith(".gz"))
        start = streams.head(parts, max(_KINDS))
        layout = _layout(path.name, start, budget_bytes)
        scaling = _scaling(path.name, layout.header)
        (i, j, k), outer = layout.shape[:3], layout.shape[3:]
        if math.prod(outer) != n_frames or layout.dtype == _RGB:
            raise InputError(
                "E121",
                f"{path.name} of shape {layout.shape}",
                f"a series of {n_frames} volumes",
                "Take the series and what describes it from one place.",
            )
        affine = nifti_affine.affine_of(
            layout.header, path.name, (i, j, k), orientation_from, assume_orientation
        )
        content = streams.gather(path.name, start, parts, layout.offset + layout.n_bytes)
        raw = _voxels(content, layout).reshape(i, j, k, n_frames, order="F")[..., frames]
        return to_real(raw, path.name, nonfinite, slope=scaling[0], intercept=scaling[1]), affine


def write(volume: Volume, path: Path, description: str = "") -> None:
    """Write a volume, uncompressed or gzipped by the name's ending; sform and qform say the same.

    An affine with shear stands in the sform alone. A side beyond 32767 voxels makes it NIfTI-2.

    Raises:
        InputError: E123 for a voxel type that NIfTI cannot hold.
    """
    voxels = to_storable(volume.voxels, path.name)
    if volume.is_colour:
        voxels = np.ascontiguousarray(voxels).view(_RGB).reshape(voxels.shape[:3])
    kind = nib.Nifti1Image if max(voxels.shape) <= _SIDE_LIMIT else nib.Nifti2Image
    image = kind(voxels, volume.affine, dtype=voxels.dtype)  # type: ignore[no-untyped-call]  # nibabel
    nifti_affine.write_forms(image.header, volume.grid, volume.space)
    image.header["descrip"] = description.encode("ascii", "replace")[:79]
    data = image.to_bytes()
    if path.name.lower().endswith(".gz"):
        data = gzip.compress(data, compresslevel=4, mtime=0)
    path.write_bytes(data)


def write_series(voxels: NDArray[Any], affine: Affine, path: Path, description: str = "") -> None:
    """Write a series `(I, J, K, N)`, as `write` writes a volume.

    Raises:
        InputError: E123 for a voxel type that NIfTI cannot hold.
    """
    image = nib.Nifti1Image(to_storable(voxels, path.name), affine)
    i, j, k = voxels.shape[:3]
    nifti_affine.write_forms(image.header, Grid((i, j, k), affine))
    image.header["descrip"] = description.encode("ascii", "replace")[:79]
    data = image.to_bytes()
    path.write_bytes(gzip.compress(data, compresslevel=4, mtime=0) if path.suffix == ".gz" else data)


class _Layout(NamedTuple):
    """The voxels by the header: shape with three sides or more, type, first byte."""

    header: nib.Nifti1Header
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int

    @property
    def n_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def _layout(name: str, start: bytes, budget: int) -> _Layout:
    header = _header(name, start)
    layout = _Layout(header, _shape(name, header), _dtype(name, header), _offset(name, header))
    streams.check_budget(name, layout.offset + layout.n_bytes, budget)
    return layout


def _header(name: str, start: bytes) -> nib.Nifti1Header:
    for sign in "<>":
        size = int(np.frombuffer(start[:4].ljust(4, b"\0"), dtype=f"{sign}i4")[0])
        if size not in _KINDS:
            continue
        if len(start) < size:
            raise InputError(
                "E101", f"{name} ends after {len(start)} bytes", "a whole header", "Copy or export it again."
            )
        kind, magic = _KINDS[size]
        header = kind(start[:size], endianness=sign, check=False)  # type: ignore[no-untyped-call]  # nibabel
        if not _magic(start, size).startswith(magic):
            raise InputError(
                "E102",
                f"{name} has the magic {_magic(start, size)[:3]!r}",
                "header and voxels in one file (n+1 or n+2)",
                "Convert .hdr/.img pairs to .nii.",
            )
        return header
    raise InputError("E102", f"{name} has no NIfTI header", "a NIfTI-1 or -2 file", "Check the file.")


def _magic(start: bytes, size: int) -> bytes:
    return start[344:348] if size == 348 else start[4:12]


def _shape(name: str, header: nib.Nifti1Header) -> tuple[int, ...]:
    n_dims = int(header["dim"][0])
    sides = [int(n) for n in header["dim"][1 : n_dims + 1]] if 1 <= n_dims <= 7 else []
    if not sides or min(sides) < 0:
        raise InputError(
            "E103", f"{name} declares dim {header['dim'].tolist()}", "1 to 7 sides", "Export it again."
        )
    if 0 in sides:
        raise InputError("E124", f"{name} has the shape {sides}", "voxels on every axis", "Check it.")
    return tuple(sides + [1] * (3 - len(sides)))


def _dtype(name: str, header: nib.Nifti1Header) -> np.dtype[Any]:
    code, bits = int(header["datatype"]), int(header["bitpix"])
    try:
        dtype = _RGB if code == _RGB_CODE else np.dtype(header.get_data_dtype())
    except Exception as error:
        raise _unsupported_error(name, f"the voxel type {code}") from error
    if code != _RGB_CODE and (dtype.kind not in "iuf" or dtype.itemsize > 8):
        raise _unsupported_error(name, f"voxels of {dtype}")
    if bits != 8 * dtype.itemsize:
        raise InputError(
            "E103",
            f"{name} has bitpix {bits} and the voxel type {code}",
            f"{8 * dtype.itemsize} bits",
            "Export it again.",
        )
    return dtype


def _unsupported_error(name: str, kind: str) -> InputError:
    return InputError(
        "E123", f"{name} has {kind}", "integers, floats of 16 to 64 bits, or RGB", "Convert it."
    )


def _offset(name: str, header: nib.Nifti1Header) -> int:
    offset = float(header["vox_offset"])
    first = int(header["sizeof_hdr"]) + 4
    if not math.isfinite(offset) or offset < first or offset != int(offset):
        raise InputError(
            "E103", f"{name}: voxels from byte {offset:g}", f"a whole number from {first}", "Export it again."
        )
    return int(offset)


def _scaling(name: str, header: nib.Nifti1Header) -> tuple[float, float]:
    """Return slope and intercept; a slope of 0 or NaN means none, whatever the intercept says."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or math.isnan(slope):
        return 1.0, 0.0
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        raise InputError(
            "E103", f"{name} has scl_slope {slope:g}, scl_inter {intercept:g}", "numbers", "Export it again."
        )
    return slope, intercept


def _voxels(content: NDArray[np.uint8], layout: _Layout) -> NDArray[Any]:
    flat = np.frombuffer(content.data, dtype=layout.dtype, offset=layout.offset)
    return flat.reshape(layout.shape, order="F")


def _one_volume(name: str, voxels: NDArray[Any], frame: int | None) -> NDArray[Any]:
    """Return raw voxels `(I, J, K)`, or `(I, J, K, 3)` for colour."""
    shape = voxels.shape
    is_vector = len(shape) == 5 and shape[3:] == (1, 3) and voxels.dtype == np.uint8
    frames = voxels if is_vector else voxels.reshape(*shape[:3], math.prod(shape[3:]), order="F")
    n_frames = frames.shape[3]
    if frame is None and n_frames > 1:
        raise InputError(
            "E121",
            f"{name} has the shape {shape}",
            "one volume",
            f"Choose one of its {n_frames} with --frame N (from 0), or split the series.",
        )
    if frame is not None and not 0 <= frame < n_frames:
        raise UsageError(
            "E001", f"frame {frame} of {name}", f"0 to {n_frames - 1}", "Choose one that is there."
        )
    volume: NDArray[Any] = frames[:, :, :, frame or 0]
    if volume.dtype == _RGB:
        return np.stack([volume[channel] for channel in "RGB"], axis=-1)
    return volume
