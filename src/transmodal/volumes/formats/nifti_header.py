"""Headers of NIfTI files, read strictly: the layout of the voxels, their scaling, and where they begin."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np

from transmodal.errors import InputError
from transmodal.storage import regular, streams

RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
"""Voxels of colour, as NIfTI stores them."""
_LAST_CODE = 5
"""Of the codes of sform and qform that the format defines."""
_RGB_CODE = 128
_KINDS = {348: (nib.Nifti1Header, b"n+1\0"), 540: (nib.Nifti2Header, b"n+2\0\r\n\x1a\n")}
HEADER_BYTES = max(_KINDS)
"""Bytes from the start of a file that hold the header of either format."""


class NiftiLayout(NamedTuple):
    """The voxels by the header.

    Attributes:
        header: all fields.
        shape: three sides or more.
        dtype: of one voxel, with its byte order.
        offset: first byte of the voxels.
    """

    header: nib.Nifti1Header
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int

    @property
    def n_bytes(self) -> int:
        """Bytes of all voxels, inflated."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_layout(name: str, start: bytes, budget: int) -> NiftiLayout:
    """Return the layout of the voxels by the first bytes of a file.

    Args:
        name: of the file, for messages.
        start: its first `HEADER_BYTES` bytes, inflated.
        budget: refuse files that declare more bytes.

    Raises:
        InputError: E101 for a cut header, E102 no NIfTI, E103 a contradictory header, E123 for its voxel type, E124
            without voxels.
        ResourceError: E401 beyond the budget.
    """
    header = _header(name, start)
    layout = NiftiLayout(header, _shape(name, header), _dtype(name, header), _offset(name, header))
    n_real_bytes = 4 * math.prod(layout.shape)  # float32, which voxels become sooner or later
    streams.check_budget(name, max(layout.offset + layout.n_bytes, n_real_bytes), budget)
    return layout


def read_scaling(name: str, header: nib.Nifti1Header) -> tuple[float, float]:
    """Return slope and intercept; a slope of 0 or NaN means none, whatever the intercept says.

    Raises:
        InputError: E103 where they are not finite.
    """
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or math.isnan(slope):
        return 1.0, 0.0
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        raise InputError(
            "E103", f"{name} has scl_slope {slope:g}, scl_inter {intercept:g}", "numbers", "Export it again."
        )
    return slope, intercept


def check_form_codes(name: str, header: nib.Nifti1Header, believed: str | None) -> None:
    """Refuse a form of a code that the format does not define: some readers take such a form, some leave it out.

    Args:
        name: the file, for messages.
        header: as it stands in the file.
        believed: the form that the user believes, `sform` or `qform`; where it is coded, nothing is refused.

    Raises:
        InputError: E103.
    """
    if believed is not None and int(header[f"{believed}_code"]) > 0:
        return
    for form in ("sform", "qform"):
        code = int(header[f"{form}_code"])
        if code > _LAST_CODE:
            raise InputError(
                "E103",
                f"{name} has the {form}_code {code}",
                f"0 to {_LAST_CODE}, as the format defines them",
                "Say which form to believe: --orientation-from sform or --orientation-from qform.",
            )


def first_voxel(path: Path) -> int | None:
    """Return the first byte of the voxels of an uncompressed file; None where it is no NIfTI file."""
    with regular.open_file(path) as stream:
        start = stream.read(HEADER_BYTES)
    try:
        return _offset(path.name, _header(path.name, start))
    except InputError:
        return None


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
        dtype = RGB if code == _RGB_CODE else np.dtype(header.get_data_dtype())
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
