"""Volumes as ITK images, in memory: RAS+ to LPS+ and back, and sampling through a transform.

No file passes through here; ITK's readers and writers are not trusted (see `volumes.io`).
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the field's name for it)
from numpy.typing import NDArray

from transmodal.errors import InputError
from transmodal.volumes.volume import Grid, Volume

LPS = np.diag([-1.0, -1.0, 1.0])
"""Takes RAS+ millimetres to the LPS+ millimetres of ITK, and back."""

_THREADS = 1
Method = TypeVar("Method", bound=sitk.ProcessObject)


def on_one_thread(method: Method) -> Method:
    """Let a filter or a registration run on one thread, and return it: sums over several depend on their order.

    The number of threads is not enough: the metric of a registration divides its sum into work units, as many as the
    machine has cores, and joins them in the order in which they end.
    """
    method.SetNumberOfThreads(_THREADS)  # type: ignore[no-untyped-call]  # ITK
    method.SetNumberOfWorkUnits(_THREADS)  # type: ignore[no-untyped-call]  # ITK
    return method


def to_image(volume: Volume) -> sitk.Image:
    """Return a grey volume as an ITK image of the same place and voxel type (bool as uint8).

    Raises:
        InputError: E122 for colour, E112 for a sheared affine, which ITK cannot hold.
    """
    if volume.is_colour:
        raise InputError("E122", "a colour volume", "a grey one", "Register a grey modality of the case.")
    voxels = volume.voxels.astype(np.uint8) if volume.voxels.dtype == bool else volume.voxels
    image = sitk.GetImageFromArray(np.ascontiguousarray(voxels.T))
    spacing, origin, direction = _placement(volume.grid)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(direction)
    return image


def to_voxels(image: sitk.Image) -> NDArray[Any]:
    """Return the voxels of an ITK image, `(I, J, K)`, or `(I, J, K, n)` for n components."""
    array = sitk.GetArrayFromImage(image)
    return np.ascontiguousarray(array.transpose(2, 1, 0, *range(3, array.ndim)))


def warp(
    volume: Volume,
    grid: Grid,
    transform: sitk.Transform,
    *,
    how: Literal["linear", "nearest"] = "linear",
    fill: float = 0.0,
) -> Volume:
    """Sample a grey volume on `grid`, whose LPS+ mm `transform` takes to those of the volume.

    `nearest` keeps the voxel type (bool becomes uint8), `linear` gives float32.
    """
    sampler = on_one_thread(sitk.ResampleImageFilter())
    spacing, origin, direction = _placement(grid)
    sampler.SetSize(grid.shape)
    sampler.SetOutputSpacing(spacing)
    sampler.SetOutputOrigin(origin)
    sampler.SetOutputDirection(direction)
    sampler.SetTransform(transform)
    sampler.SetInterpolator(sitk.sitkLinear if how == "linear" else sitk.sitkNearestNeighbor)
    sampler.SetDefaultPixelValue(fill)
    values = volume.voxels.astype(np.float32) if how == "linear" else volume.voxels
    return Volume(to_voxels(sampler.Execute(to_image(volume.with_voxels(values)))), grid.affine)


def _placement(grid: Grid) -> tuple[tuple[float, float, float], list[float], list[float]]:
    """Return spacing, origin and direction as ITK wants them."""
    if grid.is_sheared:
        raise InputError(
            "E112",
            f"the sheared affine {grid.affine.tolist()}",
            "axes at right angles",
            "Resample the volume onto a grid without shear first.",
        )
    direction = LPS @ grid.affine[:3, :3] / np.array(grid.spacing)
    left_vectors, _, right = np.linalg.svd(direction)  # the nearest orthonormal matrix: headers are rounded
    return grid.spacing, (LPS @ grid.affine[:3, 3]).tolist(), (left_vectors @ right).ravel().tolist()


def matrix(linear: sitk.Transform) -> NDArray[np.float64]:
    """Return a linear transform as a `4 x 4` matrix, LPS+ mm to LPS+ mm."""
    ends = np.array([linear.TransformPoint(point) for point in np.vstack([np.zeros(3), np.eye(3)]).tolist()])
    whole = np.eye(4)
    whole[:3, :3] = (ends[1:] - ends[0]).T
    whole[:3, 3] = ends[0]
    return whole
