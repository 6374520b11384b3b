"""The few masks that were computed last, by the content of their volumes: whoever asks again waits for a hash only."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.storage import files
from transmodal.volumes.volume import Volume

Mask = NDArray[np.bool_]


class _Entry(NamedTuple):
    bits: NDArray[np.uint8]
    shape: tuple[int, ...]
    method: str


class RecentMasks:
    """Masks and how they were found, an eighth of a byte a voxel; those used longest ago go first.

    They live in the process's memory alone, so no other process and no file can put a wrong one there.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> tuple[Mask, str] | None:
        """Return the mask of a volume of this `content_key`, a copy, and how it was found; None without one."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
        bits = np.unpackbits(entry.bits, count=math.prod(entry.shape))
        return bits.view(np.bool_).reshape(entry.shape), entry.method

    def remember(self, key: str, mask: Mask, method: str) -> None:
        """Remember a mask, and forget the oldest ones beyond the limit."""
        entry = _Entry(np.packbits(mask), mask.shape, method)
        with self._lock:
            self._entries[key] = entry
            self._entries.move_to_end(key)
            while sum(item.bits.nbytes for item in self._entries.values()) > self._most_bytes:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget all masks."""
        with self._lock:
            self._entries.clear()


def content_key(volume: Volume) -> str:
    """Return the SHA-256 of voxels, their type and shape, and the affine."""
    return files.sha256_text(files.sha256_array(volume.voxels) + files.sha256_array(volume.affine))
