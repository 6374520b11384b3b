"""Arrays as .npy files: written whole, read back and hashed; read by memory mapping."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, IntegrityError
from transmodal.storage import files, regular

_CHUNK = 1 << 20


def write_npy(path: Path, array: NDArray[Any]) -> str:
    """Write an uncompressed .npy, atomically; read it back; return the array's SHA-256.

    Raises:
        IntegrityError: E503 when it does not read back equal.
    """
    with files.atomic_path(path) as beside:
        return put_npy(beside, array, path.name)


def put_npy(path: Path, array: NDArray[Any], name: str = "") -> str:
    """Write an .npy as `write_npy` does, but where it shall be: for a folder that is not in its place yet.

    Args:
        path: the file.
        array: any numbers.
        name: what the file is called in a message, where that is not its name.

    Raises:
        IntegrityError: E503 when it does not read back equal.
    """
    array = np.asarray(array, order="C")
    digest = _write_hashed(path, array)
    if not _is_equal_npy(path, array):
        raise IntegrityError(
            "E503",
            f"{name or path.name} does not read back equal",
            "what was written",
            "Check the disk, then try again.",
        )
    return digest


def read_npy(path: Path, *, mmap: bool = True, sha256: str | None = None) -> NDArray[Any]:
    """Read an .npy, memory-mapped and read-only unless `mmap` is False.

    Args:
        path: the file.
        mmap: map it instead of loading it.
        sha256: what the array's SHA-256 has to be; None does not ask.

    Raises:
        InputError: E100 when there is no such file, E101 when it is truncated, goes on behind its array
            or is no .npy.
        IntegrityError: E501 when the hash does not match.
        ResourceError: E403 when it may not be read.
    """
    try:
        with files.reading_errors(path, "a .npy file"):
            array = _load_npy(Path(path), mmap=mmap)
    except (ValueError, EOFError, SyntaxError, TypeError, RecursionError, TokenError) as error:
        raise InputError(
            "E101", f"{path}: {error}", "a whole .npy file", "Prepare the cohort again."
        ) from error
    if sha256 is not None and files.sha256_array(array) != sha256:
        raise IntegrityError(
            "E501", f"{path} has another content than its record", sha256[:12], "Prepare the cohort again."
        )
    return array


def _write_hashed(path: Path, array: NDArray[Any]) -> str:
    """Write an .npy and return the array's SHA-256: each part is hashed while it is in the cache."""
    digest = hashlib.sha256(files.array_key(array.dtype, array.shape))
    with path.open("wb", buffering=0) as stream:
        stream.write(_npy_head(array))
        for part in _byte_chunks(array):
            digest.update(part.data)
            n_written = 0
            while n_written < len(part):  # a call may write less than it is given
                n_written += stream.write(part[n_written:].data)
    return digest.hexdigest()


def _is_equal_npy(path: Path, array: NDArray[Any]) -> bool:
    """Tell whether a file is the .npy of an array, bit by bit, and no byte more."""
    head, back = _npy_head(array), np.empty(_CHUNK, np.uint8)
    with regular.open_file(path) as stream:
        if stream.read(len(head)) != head:
            return False
        for part in _byte_chunks(array):
            read = stream.readinto(back[: len(part)].data)
            if read != len(part) or not _same_bytes(back[:read], part):
                return False
        return stream.read(1) == b""


def _same_bytes(left_bytes: NDArray[np.uint8], right_bytes: NDArray[np.uint8]) -> bool:
    whole = len(left_bytes) // 8 * 8  # eight at a time
    return all(
        np.array_equal(first, second)
        for first, second in (
            (left_bytes[:whole].view(np.uint64), right_bytes[:whole].view(np.uint64)),
            (left_bytes[whole:], right_bytes[whole:]),
        )
    )


def _npy_head(array: NDArray[Any]) -> bytes:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(array))
    return head.getvalue()


def _byte_chunks(array: NDArray[Any]) -> Iterator[NDArray[np.uint8]]:
    """Yield the bytes of an array in C order; none where it has no voxels."""
    # One without axes cannot be viewed as bytes.
    flat = array.reshape(-1).view(np.uint8)
    for start in range(0, len(flat), _CHUNK):
        yield flat[start : start + _CHUNK]


def _load_npy(path: Path, *, mmap: bool) -> NDArray[Any]:
    """Load an .npy of exactly the length that its header declares."""
    size = path.stat().st_size
    with regular.open_file(path) as stream:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError("is not of .npy version 1.0")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        declared = stream.tell() + dtype.itemsize * int(np.prod(shape, dtype=object))
    if fortran or dtype.hasobject or declared != size:
        raise ValueError(f"has {size} bytes where its header declares {declared} of plain numbers")
    array: NDArray[Any] = np.load(path, mmap_mode="r" if mmap and 0 not in shape and shape else None)
    return array
