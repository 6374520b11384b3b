"""Files and folders that are either whole or not there: atomic writes, hashes, JSON and .npy."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, IntegrityError, ResourceError, TransmodalError, UsageError

_CHUNK = 1 << 20


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes.

    Raises:
        InputError: E100 when there is no such file.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise InputError("E100", f"{path} is no file", "a file", "Check the path.") from error
    return digest.hexdigest()


def sha256_text(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_array(array: NDArray[Any]) -> str:
    """Return the SHA-256 of an array: its dtype, its shape and its voxels in C order."""
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
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
        _sync(beside)
        beside.chmod(0o666 & ~_umask())
        beside.replace(path)
        _sync(path.parent)
    except TransmodalError:
        raise
    except OSError as error:
        raise _as_ours(error, path) from error
    finally:
        if beside is not None:
            with suppress(OSError):
                beside.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside `path`; when the block ends well, it takes the name `path`.

    A folder that had the name is moved aside first and removed last, so that at any moment one of
    the two is whole under its name or beside it.

    Raises:
        ResourceError: E403 when the disk is full or may not be written.
        UsageError: E005 when the parent folder does not exist.
    """
    path = Path(path)
    beside: Path | None = None
    try:
        beside = Path(tempfile.mkdtemp(prefix=".partial-", dir=path.parent))
        yield beside
        for file in sorted(beside.rglob("*")):
            if file.is_file():
                _sync(file)
        _sync(beside)
        beside.chmod(0o777 & ~_umask())
        if path.exists():
            aside = Path(tempfile.mkdtemp(prefix=".old-", dir=path.parent))
            path.replace(aside / path.name)
            beside.replace(path)
            shutil.rmtree(aside, ignore_errors=True)
        else:
            beside.replace(path)
        _sync(path.parent)
    except TransmodalError:
        raise
    except OSError as error:
        raise _as_ours(error, path) from error
    finally:
        if beside is not None:
            shutil.rmtree(beside, ignore_errors=True)


def write_json(path: Path, data: object) -> None:
    """Write data as JSON, atomically; NaN is refused."""
    with atomic_path(path) as beside:
        beside.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        InputError: E100 when there is no such file, E101 when it is no JSON object.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise InputError("E100", f"{path} is no file", "a JSON file", "Check the path.") from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError("E101", f"{path} is no JSON", "a whole JSON file", "Write it again.") from error
    if not isinstance(data, dict):
        raise InputError("E101", f"{path} holds a {type(data).__name__}", "a JSON object", "Write it again.")
    return data


def write_npy(path: Path, array: NDArray[Any]) -> str:
    """Write an uncompressed .npy, atomically; read it back; return the array's SHA-256.

    Raises:
        IntegrityError: E503 when it does not read back equal.
    """
    digest = sha256_array(array)
    with atomic_path(path) as beside:
        with beside.open("wb") as stream:
            np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)
        if sha256_array(read_npy(beside)) != digest:
            raise IntegrityError(
                "E503",
                f"{path} does not read back equal",
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
        InputError: E100 when there is no such file, E101 when it is truncated or no .npy.
        IntegrityError: E501 when the hash does not match.
    """
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r" if mmap else None)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise InputError("E100", f"{path} is no file", "a .npy file", "Prepare the cohort again.") from error
    except (ValueError, EOFError, OSError, SyntaxError) as error:
        raise InputError(
            "E101", f"{path}: {error}", "a whole .npy file", "Prepare the cohort again."
        ) from error
    if sha256 is not None and sha256_array(array) != sha256:
        raise IntegrityError(
            "E501", f"{path} has another content than its record", sha256[:12], "Prepare the cohort again."
        )
    return array


def _suffix(path: Path) -> str:
    for suffix in (".nii.gz",):
        if path.name.endswith(suffix):
            return suffix
    return path.suffix


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _as_ours(error: OSError, path: Path) -> TransmodalError:
    if isinstance(error, (FileNotFoundError, NotADirectoryError, IsADirectoryError)):
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
