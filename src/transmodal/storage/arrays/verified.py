"""Arrays compared with their hashes once: at the first touch, and again when their file has changed.

Which files are known to be whole is kept in memory that forked processes share, so that the workers of a training
hash no array twice, however many epochs there are.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.storage import files, regular

_SLOTS = 1 << 17
_PROBES = 64
"""Slots that are looked at for one file; where all are taken the file is hashed at every touch."""
_CHUNK = 1 << 20
# Pages of zeros until they are written to; shared by the processes that are forked from this one.
_WHOLE = np.frombuffer(mmap.mmap(-1, 8 * _SLOTS), np.uint64)


def is_whole(path: Path, array: NDArray[Any], sha256: str) -> bool:
    """Tell whether an array's file holds what its hash says; files that were found whole are not read again.

    Args:
        path: the .npy, of exactly the length of its header and array.
        array: as `files.read_npy` read it; its type and shape enter the hash.
        sha256: of type, shape and voxels, or the first characters of it.

    Raises:
        ResourceError: E403 when it may not be read.
    """
    status = path.stat()
    identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, sha256)
    key = _key(identity)
    if _is_known(key):
        return True
    if not sha256 or not _digest(path, array).startswith(sha256):
        return False
    _remember(key)
    return True


def forget() -> None:
    """Forget which files are known to be whole: the next touch reads each again."""
    _WHOLE[:] = 0


def _digest(path: Path, array: NDArray[Any]) -> str:
    """Return the SHA-256 of an array by reading its file, which costs less than the faults of a mapped one."""
    digest = hashlib.sha256(files.array_key(array.dtype, array.shape))
    buffer = memoryview(bytearray(_CHUNK))
    with files.reading_errors(path, "a .npy file"), regular.open_file(path) as stream:
        stream.seek(-array.nbytes, os.SEEK_END)
        while n_read := stream.readinto(buffer):
            digest.update(buffer[:n_read])
    return digest.hexdigest()


def _key(identity: tuple[object, ...]) -> np.uint64:
    text = "/".join(map(str, identity))
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
    return np.uint64(number or 1)  # 0 is an empty slot


def _slots(key: np.uint64) -> NDArray[np.int64]:
    return (int(key) % _SLOTS + np.arange(_PROBES)) % _SLOTS


def _is_known(key: np.uint64) -> bool:
    return bool((_WHOLE[_slots(key)] == key).any())


def _remember(key: np.uint64) -> None:
    """Write a key into a free slot; where two processes take one slot, one of the files is hashed once more."""
    slots = _slots(key)
    free = slots[_WHOLE[slots] == 0]
    if free.size:
        _WHOLE[free[0]] = key
