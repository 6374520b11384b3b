"""Files of slices, read plane by plane: pictures, .npy and .mat arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.layouts._slice_hdf5 import read_arrays
from transmodal.errors import InputError
from transmodal.storage import matlab, memory, placeholders, regular, streams
from transmodal.volumes import io
from transmodal.volumes.formats import raster
from transmodal.volumes.reading import STRICT, Reading

PICTURES = raster.SUFFIXES
MATLAB = ".mat"
ARRAYS = (".npy", MATLAB)
"""Files of arrays that hold slices: one, or many along the first axis (of .mat along MATLAB's last)."""
PicturePart = Literal["whole", "left", "right"]
"""Of a picture: the whole, or the half of one that holds two side by side."""
_PRINCIPAL = "data_fs"
"""Name of the array, where a .mat file has several."""
_HDF5 = b"\x89HDF\r\n\x1a\n"
"""First bytes of HDF5 that h5py wrote under MATLAB's name, without MATLAB's own header before it."""


class Slices(NamedTuple):
    """Slices of one file.

    Attributes:
        path: a picture or an array.
        part: of a picture: the whole, or the half of one that holds two side by side.
        first: of an array: the first slice.
        last: of an array: the one after the last; 0 for a file with one slice.
    """

    path: Path
    part: PicturePart = "whole"
    first: int = 0
    last: int = 0


def read(slices: Slices, reading: Reading = STRICT) -> list[NDArray[Any]]:
    """Return the planes of a file, `(rows, columns)`, or `(rows, columns, 3)` uint8 for colour.

    No value changes but those that are not finite, where `reading` takes them as 0.

    Raises:
        InputError, ResourceError: as `SliceStack.load`.
    """
    path = slices.path
    with streams.guarded(path.name, "slice"):
        if path.suffix.lower() in PICTURES:
            return [_half(_picture(path, reading), slices.part)]
        stack = _stack(path)
        planes = np.array(stack[slices.first : slices.last or len(stack)])
        if reading.nonfinite == "zero" and planes.dtype.kind == "f":
            planes = np.nan_to_num(planes, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        return list(planes)


def count(path: Path) -> int:
    """Return how many slices a file holds.

    Raises:
        InputError, ResourceError: as `SliceStack.load`.
    """
    if path.suffix.lower() in PICTURES:
        return 1
    with streams.guarded(path.name, "slice"):
        return len(_stack(path))


def _picture(path: Path, reading: Reading) -> NDArray[Any]:
    # A place in space is needed to read one and does not matter here: the stack gets its own.
    volume = io.read(path, Reading(nonfinite=reading.nonfinite, assume_orientation="LPS"))
    plane: NDArray[Any] = volume.voxels[:, :, 0].swapaxes(0, 1)
    return plane


def _half(picture: NDArray[Any], part: PicturePart) -> NDArray[Any]:
    if part == "whole":
        return picture
    middle, odd = divmod(picture.shape[1], 2)
    if odd:
        raise InputError(
            "E103", f"a width of {picture.shape[1]}", "two halves side by side", "Take this picture out."
        )
    return picture[:, :middle] if part == "left" else picture[:, middle:]


def _stack(path: Path) -> NDArray[Any]:
    """Return slices along the first axis; of .npy the file is mapped, not read."""
    placeholders.refuse(path)
    with regular.open_file(path):  # refuses what is no file, before NumPy opens it by its name
        stack = (
            _matlab(path)
            if path.suffix.lower() == MATLAB
            else np.load(path, mmap_mode="r", allow_pickle=False)
        )
    if stack.ndim == 2:
        stack = stack[None]
    if stack.ndim != 3:
        raise InputError(
            "E121",
            f"{path.name} of shape {stack.shape}",
            "one slice, or slices along the first axis",
            "Split it.",
        )
    return stack


def _matlab(path: Path) -> NDArray[Any]:
    """Return the one array of a .mat file, or `data_fs`: slices first, then MATLAB's own rows and columns.

    MATLAB stores columns first, so that HDF5 shows its rows x columns x slices backwards. SynDiff's loader turns the last
    two axes for this reason, and a plane here is what that loader has.
    """
    content = read_arrays(path, _PRINCIPAL) if _is_bare_hdf5(path) else _matlab_content(path)
    arrays = {name: value for name, value in content.items() if getattr(value, "ndim", 0) in (2, 3)}
    if _PRINCIPAL not in arrays and len(arrays) != 1:
        names = ", ".join(sorted(arrays)) or "no array"
        raise InputError(
            "E103", f"{path.name} with {names}", f"one array, or {_PRINCIPAL}", "Save the slices alone."
        )
    array: NDArray[Any] = arrays.get(_PRINCIPAL, next(iter(arrays.values())))
    return array.swapaxes(-1, -2)


def _is_bare_hdf5(path: Path) -> bool:
    with regular.open_file(path) as stream:
        return stream.read(len(_HDF5)) == _HDF5


def _matlab_content(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file with MATLAB's header, as HDF5 shows them: axes backwards."""
    from scipy.io import loadmat

    n_stored = path.stat().st_size
    try:
        with regular.open_file(path) as stream:
            n_bytes = matlab.count_bytes(stream, memory.budget(n_stored))
            streams.check_budget(path.name, n_bytes, n_stored=n_stored)
            stream.seek(0)
            content: dict[str, Any] = loadmat(stream)
    except NotImplementedError:  # version 7.3, which is HDF5
        return read_arrays(path, _PRINCIPAL)
    return {name: np.asarray(value).T for name, value in content.items() if not name.startswith("__")}
