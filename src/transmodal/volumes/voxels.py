"""Raw voxels to real-world values: finite, scaled once, in a type that files hold."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError
from transmodal.volumes.volume import Affine, Volume

Nonfinite = Literal["refuse", "zero"]

_STORED_TYPES = {np.dtype(name) for name in ("u1", "i1", "u2", "i2", "u4", "i4", "f4")}


def to_real(
    raw: NDArray[Any], name: str, nonfinite: Nonfinite, *, slope: float = 1.0, intercept: float = 0.0
) -> NDArray[Any]:
    """Return `raw * slope + intercept`, in C order and native byte order.

    Without scaling integers stay as they are; all else is float32, rounded once.

    Raises:
        InputError: E103 when scaling leads beyond float32, E120 for voxels that are not finite, E123 for
            values that no supported type holds.
    """
    bad = _find_nonfinite(raw, name, nonfinite)
    values = raw if bad is None else np.where(bad, raw.dtype.type(0), raw)
    if (slope, intercept) == (1.0, 0.0):
        return _in_c_order(to_storable(values, name))
    scaled = _scale(values, slope, intercept)
    if not is_finite(scaled):
        raise InputError(
            "E103",
            f"{name}: voxels by their header's slope and intercept lead beyond float32",
            "scaling that makes sense",
            "Export it again.",
        )
    if bad is not None:
        scaled[bad] = 0
    return scaled


def to_storable(values: NDArray[Any], name: str) -> NDArray[Any]:
    """Return values in a type that files hold: bool as uint8, floats as float32, int64 as int32 if it fits.

    Raises:
        InputError: E123 when there is none.
    """
    if values.dtype == bool:
        return values.astype(np.uint8)
    if values.dtype.kind == "f" and values.dtype.itemsize == 8:
        with np.errstate(over="ignore"):
            narrow = values.astype(np.float32)
        if np.array_equal(np.isfinite(narrow), np.isfinite(values)):
            return narrow
    if values.dtype.kind == "f" and values.dtype.itemsize == 2:
        return values.astype(np.float32)
    if values.dtype.kind in "iu" and values.dtype.itemsize == 8:
        narrow = values.astype(np.int32)
        if np.array_equal(narrow, values):
            return narrow
    native = values.dtype.newbyteorder("=")
    if native in _STORED_TYPES:
        return values.astype(native, copy=False)
    raise InputError(
        "E123",
        f"{name}: voxels of type {values.dtype} that fit into no supported type",
        "integers of 32 bits or float32",
        "Convert them.",
    )


def check_finite(values: NDArray[Any], name: str) -> None:
    """Refuse values that are not finite.

    Raises:
        InputError: E120 with their number and the first.
    """
    _find_nonfinite(values, name, "refuse")


def is_finite(values: NDArray[Any]) -> bool:
    """Return whether all values are finite, from the extremes, which needs no mask: NaN comes through both."""
    with np.errstate(invalid="ignore"):
        return bool(np.isfinite(values.min()) and np.isfinite(values.max()))


def build_volume(values: NDArray[Any], affine: Affine, name: str) -> Volume:
    """Return a volume whose affine's faults are told with the file's name.

    Raises:
        InputError: E112 when the affine is singular or not finite.
    """
    try:
        return Volume(values, affine)
    except InputError as error:
        raise InputError(error.code, f"{name}: {error.got}", error.expected, error.remedy) from error


def _in_c_order(values: NDArray[Any]) -> NDArray[Any]:
    """Return values in C order, plane by plane: planes fit into the cache, which makes it several times faster."""
    if values.flags.c_contiguous and values.flags.writeable:
        return values
    out = np.empty(values.shape, values.dtype)
    for j in range(values.shape[1]):
        out[:, j] = values[:, j]
    return out


def _find_nonfinite(values: NDArray[Any], name: str, nonfinite: Nonfinite) -> NDArray[np.bool_] | None:
    """Return where values are not finite, None where there are no such."""
    if values.dtype.kind != "f" or is_finite(values):
        return None
    bad: NDArray[np.bool_] = ~np.isfinite(values)
    if nonfinite == "zero":
        return bad
    first = tuple(int(index) for index in np.argwhere(bad)[0])
    raise InputError(
        "E120",
        f"{name} has {int(bad.sum())} voxels that are not finite, the first at {first}",
        "numbers",
        "Repair it, or take them as 0: --nonfinite zero.",
    )


def _scale(values: NDArray[Any], slope: float, intercept: float) -> NDArray[np.float32]:
    """Scale plane by plane in double precision: a whole volume of doubles would take twice the memory."""
    out = np.empty(values.shape, dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(values.shape[2]):
            out[:, :, k] = values[:, :, k].astype(np.float64) * slope + intercept
    return out
