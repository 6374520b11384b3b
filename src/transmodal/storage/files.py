"""Files and folders that are either whole or not there: atomic writes, hashes, JSON and .npy."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import DTypeLike, NDArray

from transmodal.errors import InputError, IntegrityError, ResourceError, TransmodalError, UsageError
from transmodal.storage import durable, placeholders

_CHUNK = 1 << 20
_NAME_ERRORS = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EEXIST}


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes.

    Raises:
        InputError: E100 when there is no such file, E138 where a link leads nowhere.
        ResourceError: E403 when it may not be read.
    """
    digest = hashlib.sha256()
    with _reading(path, "a file"), Path(path).open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_text(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_array(array: NDArray[Any], dtype: DTypeLike | None = None) -> str:
    """Return the SHA-256 of an array: its dtype, its shape and its voxels in C order; as if of type `dtype`."""
    kind = array.dtype if dtype is None else np.dtype(dtype)
    digest = hashlib.sha256(_array_key(kind, array.shape))
    # Plane by plane where they are converted: another type of the whole would be written to memory first.
    for part in [array] if kind == array.dtype else array:
        digest.update(np.ascontiguousarray(part, kind).data)
    return digest.hexdigest()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary file beside `path`; when the block ends well, it takes the name `path`.

    Until then an older file stays as it was; when the block fails nothing is left behind.

    Raises:
        ResourceError: E403 when the disk is full or may not be written.
        UsageError: E005 when the folder does not exist or the name is a folder.
    """
    path = Path(path)
    beside: Path | None = None
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder", str(path))
        handle, name = tempfile.mkstemp(prefix=".partial-", suffix=_suffix(path), dir=path.parent)
        os.close(handle)
        beside = Path(name)
        yield beside
        durable.sync(beside)
        beside.chmod(0o666 & ~durable.umask())
        beside.replace(path)
        durable.sync_folder(path.parent)
    except TransmodalError:
        raise
    except OSError as error:
        raise _write_error(error, path) from error
    finally:
        if beside is not None:
            with suppress(OSError):
                beside.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside `path`; when the block ends well, it takes the name `path`.

    A folder that had the name changes places with the new one in a single step where the system can do
    that (Linux), so that a whole folder has the name at any moment, whatever is killed when.

    Raises:
        ResourceError: E403 when the disk is full or may not be written.
        UsageError: E005 when the parent folder does not exist or the name is a file.
    """
    path = Path(path)
    beside: Path | None = None
    try:
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "is a file", str(path))
        beside = Path(tempfile.mkdtemp(prefix=".partial-", dir=path.parent))
        yield beside
        for inside in sorted(beside.rglob("*")):
            durable.sync(inside) if inside.is_file() else durable.sync_folder(inside)
        durable.sync_folder(beside)
        beside.chmod(0o777 & ~durable.umask())
        if path.exists():
            durable.swap(beside, path)
        else:
            beside.replace(path)
        durable.sync_folder(path.parent)
    except TransmodalError:
        raise
    except OSError as error:
        raise _write_error(error, path) from error
    finally:
        if beside is not None:
            shutil.rmtree(beside, ignore_errors=True)


def write_json(path: Path, data: object) -> None:
    """Write data as JSON, atomically.

    Raises:
        ValueError: when a number is not finite; JSON has no word for it.
    """
    text = json.dumps(data, indent=1, allow_nan=False) + "\n"
    with atomic_path(path) as beside:
        beside.write_text(text, encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        InputError: E100 when there is no such file, E101 when it is no JSON object, E138 for a placeholder.
        ResourceError: E403 when it may not be read.
    """
    try:
        with _reading(path, "a JSON file"):
            placeholders.refuse(path)
            text = Path(path).read_text(encoding="utf-8")
        data = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InputError("E101", f"{path} is no JSON", "a whole JSON file", "Write it again.") from error
    if not isinstance(data, dict):
        raise InputError("E101", f"{path} holds a {type(data).__name__}", "a JSON object", "Write it again.")
    return data


def write_npy(path: Path, array: NDArray[Any]) -> str:
    """Write an uncompressed .npy, atomically; read it back; return the array's SHA-256.

    Raises:
        IntegrityError: E503 when it does not read back equal.
    """
    with atomic_path(path) as beside:
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


def _write_hashed(path: Path, array: NDArray[Any]) -> str:
    """Write an .npy and return the array's SHA-256: each part is hashed while it is in the cache."""
    digest = hashlib.sha256(_array_key(array.dtype, array.shape))
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
    with path.open("rb") as stream:
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


def _array_key(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    return f"{dtype.str}{shape}".encode()


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
        with _reading(path, "a .npy file"):
            array = _load_npy(Path(path), mmap=mmap)
    except (ValueError, EOFError, SyntaxError, TypeError, RecursionError) as error:
        raise InputError(
            "E101", f"{path}: {error}", "a whole .npy file", "Prepare the cohort again."
        ) from error
    if sha256 is not None and sha256_array(array) != sha256:
        raise IntegrityError(
            "E501", f"{path} has another content than its record", sha256[:12], "Prepare the cohort again."
        )
    return array


def _load_npy(path: Path, *, mmap: bool) -> NDArray[Any]:
    """Load an .npy of exactly the length that its header declares."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError("is not of .npy version 1.0")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        declared = stream.tell() + dtype.itemsize * int(np.prod(shape, dtype=object))
    if fortran or dtype.hasobject or declared != size:
        raise ValueError(f"has {size} bytes where its header declares {declared} of plain numbers")
    array: NDArray[Any] = np.load(path, mmap_mode="r" if mmap and 0 not in shape and shape else None)
    return array


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


@contextmanager
def _reading(path: Path, expected: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NAME_ERRORS:
            placeholders.refuse(path)
            raise InputError("E100", f"{path} is no file", expected, "Check the path.") from error
        raise ResourceError(
            "E403", f"cannot read {path}: {error.strerror}", "a file that may be read", "Check permissions."
        ) from error


def _suffix(path: Path) -> str:
    return ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix


def _write_error(error: OSError, path: Path) -> TransmodalError:
    if error.errno in _NAME_ERRORS:
        return UsageError(
            "E005",
            f"cannot write {path}: {error.strerror}",
            "an existing folder and a free name",
            "Choose another.",
        )
    return ResourceError(
        "E403",
        f"cannot write {path}: {error.strerror or error}",
        "room and permission",
        "Free space, or write elsewhere.",
    )
