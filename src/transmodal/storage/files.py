"""Files and folders that are either whole or not there: atomic writes, hashes and JSON."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import DTypeLike, NDArray

from transmodal.errors import InputError, ResourceError, TransmodalError, UsageError
from transmodal.storage import durable, orphans, placeholders, regular

_CHUNK = 1 << 20
_NAME_ERRORS = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EEXIST}


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes.

    Raises:
        InputError: E100 when there is no such file, E138 where a link leads nowhere.
        ResourceError: E403 when it may not be read.
    """
    digest = hashlib.sha256()
    with reading_errors(path, "a file"), regular.open_file(Path(path)) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_text(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_text(name: str) -> bool:
    """Return whether a name can be written as UTF-8, which one made of other bytes on a file system cannot."""
    return not any("\ud800" <= sign <= "\udfff" for sign in name)


def sha256_array(array: NDArray[Any], dtype: DTypeLike | None = None) -> str:
    """Return the SHA-256 of an array: its dtype, its shape and its voxels in C order; as if of type `dtype`."""
    kind = array.dtype if dtype is None else np.dtype(dtype)
    digest = hashlib.sha256(array_key(kind, array.shape))
    # Plane by plane where they are converted: another type of the whole would be written to memory first.
    for part in [array] if kind == array.dtype else array:
        digest.update(np.ascontiguousarray(part, kind).data)
    return digest.hexdigest()


@contextmanager
def atomic_path(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """Give a temporary file beside `path`; when the block ends well, it takes the name `path`.

    Until then an older file stays as it was; when the block fails nothing is left behind.

    Args:
        path: the file.
        mode: its permissions, less those that the process withholds; 0o600 for its owner alone.

    Raises:
        ResourceError: E403 when the disk is full or may not be written.
        UsageError: E005 when the folder does not exist or the name is a folder.
    """
    path = Path(path)
    beside: Path | None = None
    lock: int | None = None
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder", str(path))
        orphans.clear_once(path.parent.absolute())
        beside, lock = orphans.create_file(path.parent, _suffix(path))
        yield beside
        durable.sync(beside)
        beside.chmod(mode & ~durable.umask())
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
        if lock is not None:
            os.close(lock)


@contextmanager
def atomic_folder(path: Path, *, previous: Path | None = None) -> Iterator[Path]:
    """Give a temporary folder beside `path`; when the block ends well, it takes the name `path`.

    A folder that had the name changes places with the new one in a single step where the system can do
    that (Linux), so that a whole folder has the name at any moment, whatever is killed when.

    Args:
        path: the folder.
        previous: the name beside it that a folder in its place gets, once the new one is whole and on the disk;
            None removes that folder.

    Raises:
        ResourceError: E403 when the disk is full or may not be written.
        UsageError: E005 when the parent folder does not exist or the name is a file.
    """
    path = Path(path)
    beside: Path | None = None
    lock: int | None = None
    try:
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "is a file", str(path))
        orphans.clear_once(path.parent.absolute())
        beside, lock = orphans.create_folder(path.parent)
        yield beside
        for inside in sorted(beside.rglob("*")):
            durable.sync(inside) if inside.is_file() else durable.sync_folder(inside)
        durable.sync_folder(beside)
        beside.chmod(0o777 & ~durable.umask())
        if path.exists() and previous is not None:
            durable.advance(beside, path, previous)
        elif path.exists():
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
        if lock is not None:
            os.close(lock)


def write_json(path: Path, data: object) -> None:
    """Write data as JSON, atomically.

    Raises:
        ValueError: when a number is not finite; JSON has no word for it.
    """
    # Piece by piece: all pieces at once take several times the memory of the text.
    pieces = json.JSONEncoder(indent=1, allow_nan=False).iterencode(data)
    with atomic_path(path) as beside, beside.open("w", encoding="utf-8") as stream:
        stream.writelines(pieces)
        stream.write("\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        InputError: E100 when there is no such file, E101 when it is no JSON object, E138 for a placeholder.
        ResourceError: E403 when it may not be read.
    """
    try:
        with reading_errors(path, "a JSON file"):
            placeholders.refuse(path)
            text = regular.read_text(path)
        return parse_json(text)
    except TypeError as error:
        raise InputError("E101", f"{path} holds {error}", "a JSON object", "Write it again.") from error
    except ValueError as error:
        raise InputError("E101", f"{path} is no JSON", "a whole JSON file", "Write it again.") from error


def parse_json(text: str) -> dict[str, Any]:
    """Return the JSON object of a text.

    Raises:
        ValueError: for what is no JSON.
        TypeError: for JSON that is no object.
    """
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(data, dict):
        raise TypeError(f"a {type(data).__name__}")
    return data


def array_key(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """Return the bytes by which an array's hash begins: its dtype and shape."""
    return f"{dtype.str}{shape}".encode()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


@contextmanager
def reading_errors(path: Path, expected: str) -> Iterator[None]:
    """Turn errors of the operating system over a file that is read into errors of this package.

    Args:
        path: the file.
        expected: what it should be, such as `a JSON file`.

    Raises:
        InputError: E100 when there is no such file, E138 for a placeholder.
        ResourceError: E403 when it may not be read.
    """
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
