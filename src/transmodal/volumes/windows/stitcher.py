"""Windows back into a volume."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InternalError
from transmodal.volumes.geometry import interpolation
from transmodal.volumes.windows import fitting
from transmodal.volumes.windows.spec import Cutting, Window


class Stitcher:
    """Puts windows back where they were cut; padding and resizing are undone.

    Slices (of slabs the centre slices) are placed: what was only padded comes back bit by bit. Patches are
    blended where they overlap, with weights that fall smoothly towards a patch's faces and sum to 1.

    Args:
        shape: of the volume, `(I, J, K)`.
        cutting: how its windows were cut.
        channels: of the windows to come.
    """

    def __init__(self, shape: tuple[int, ...], cutting: Cutting, channels: int = 1) -> None:
        self._cutting = cutting.centre()
        self._sum = np.zeros((channels, *shape[:3]), dtype=np.float32)
        kind = np.float32 if cutting.kind == "patch" else np.bool_
        self._weight: NDArray[Any] = np.zeros(shape[:3], dtype=kind)

    def add(self, window: Window, values: NDArray[Any]) -> None:
        """Add one window's values, `(C, *S)` as `cut` gave them.

        Raises:
            InternalError: E601 when they have another shape than the cutting's windows.
        """
        values = np.asarray(values, dtype=np.float32)
        if window.axis < 0:
            self._blend(window.start, values)
        else:
            self._place(window, values)

    def result(self) -> NDArray[np.float32]:
        """Return `(I, J, K)`, or `(I, J, K, C)` for several channels.

        Raises:
            InternalError: E601 when a voxel was covered by no window.
        """
        bare = int(self._weight.size - np.count_nonzero(self._weight))
        if bare:
            raise InternalError(
                "E601",
                f"{bare} voxels that no window covers",
                "windows that cover the volume",
                "Cut with Cutting.covering, and report this.",
            )
        whole = self._sum / self._weight if self._weight.dtype == np.float32 else self._sum
        return whole[0] if len(whole) == 1 else np.ascontiguousarray(np.moveaxis(whole, 0, -1))

    def _place(self, window: Window, values: NDArray[np.float32]) -> None:
        sides = fitting.sides_of(self._weight.shape, window.axis, self._cutting)
        self._check(values, tuple(side.out for side in sides))
        values = values[:, sides[0].pixels, sides[1].pixels]
        for axis, side in enumerate(sides, start=1):
            if side.resizes:
                values = interpolation.multiply_axis(fitting.restore_matrix(side), values, axis)
        index: list[slice | int] = [side.voxels for side in sides]
        index.insert(window.axis, window.start[window.axis])
        self._sum[(slice(None), *index)] = values
        self._weight[tuple(index)] = True

    def _blend(self, start: tuple[int, int, int], values: NDArray[np.float32]) -> None:
        size = self._cutting.size or ()
        self._check(values, size)
        into, of = overlap(start, size, self._weight.shape)
        weights = _weights(size)[of]
        self._sum[(slice(None), *into)] += values[(slice(None), *of)] * weights
        self._weight[into] += weights

    def _check(self, values: NDArray[np.float32], size: tuple[int, ...]) -> None:
        expected = (len(self._sum), *size)
        if values.shape != expected:
            raise InternalError("E601", f"a window of shape {values.shape}", f"{expected}", "Report this.")


def overlap(
    start: tuple[int, ...], size: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return where a patch lies in the volume, and which part of the patch that is."""
    lows = [max(0, first) for first in start]
    highs = [min(n, first + side) for first, side, n in zip(start, size, shape, strict=True)]
    volume = tuple(slice(low, high) for low, high in zip(lows, highs, strict=True))
    patch = tuple(
        slice(low - first, high - first) for low, high, first in zip(lows, highs, start, strict=True)
    )
    return volume, patch


@lru_cache(maxsize=8)
def _weights(size: tuple[int, ...]) -> NDArray[np.float32]:
    """Return weights that fall smoothly from a patch's centre and are positive everywhere."""
    i, j, k = (np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2 + 1e-3 for side in size)
    weights = (i[:, None, None] * j[:, None] * k).astype(np.float32)
    weights.setflags(write=False)
    return weights
