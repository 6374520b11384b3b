"""Grids that volumes are brought onto: none is larger than the budget for an image, whatever a header makes of it."""

from __future__ import annotations

import math
from collections.abc import Iterable

from transmodal.errors import ResourceError
from transmodal.storage import memory
from transmodal.volumes.volume import Grid

_VOXEL_BYTES = 4
"""Of a real value, float32."""


def check_budget(source: Grid, target: Grid) -> None:
    """Refuse a grid beyond the budget before a voxel of it is made.

    A header that gives voxels of 200 mm, where 2 mm were meant, asks for a million times the voxels.

    Args:
        source: of the image.
        target: that it would be brought onto.

    Raises:
        ResourceError: E401 with shape and spacing of both, and the GiB that are needed.
    """
    size, most = _VOXEL_BYTES * math.prod(target.shape), memory.budget()
    if size <= most:
        return
    raise ResourceError(
        "E401",
        f"{_sides(source.shape)} voxels of {_sides(source.spacing)} mm, which at {_sides(target.spacing)} mm are "
        f"{_sides(target.shape)} voxels and {size / memory.GIB:.3g} GiB",
        f"at most {most / memory.GIB:.3g} GiB",
        "Check the size of the voxels in the image's header; or train at a coarser data.spacing_mm, or "
        f"{memory.advise_budget(size)}.",
    )


def _sides(values: Iterable[float]) -> str:
    return " x ".join(f"{value:.6g}" for value in values)
