"""A diffusion series whose FA is known: axisymmetric tensors along the structure, one shell, without noise.

No scanner measured it, and no tract is where it runs: the main axes follow the edges of a contrast.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.volumes import Volume

Floats = NDArray[np.float64]

_B, _DIRECTIONS, _B0S = 1000.0, 15, 2
_MEAN_DIFFUSIVITY = 0.8e-3  # mm^2/s, of brain tissue
_BLUR = (1.0, 2.0)  # voxels: of the contrast, of its structure


class SimulatedSeries(NamedTuple):
    """A series.

    Attributes:
        voxels: `(I, J, K, N)` float32.
        b: `(N,)`, in s/mm^2.
        vectors: `(N, 3)`, as FSL has them: along the voxel axes, x flipped for a positive determinant.
    """

    voxels: NDArray[np.float32]
    b: Floats
    vectors: Floats


def series(fa: Volume, b0: Volume) -> SimulatedSeries:
    """Return a series whose tensors have this FA and whose signal without weighting is `b0`.

    An axisymmetric tensor of mean diffusivity m and anisotropy f has the eigenvalues m (1 + 2 d), m (1 - d),
    m (1 - d) with d = f / sqrt(3 - 2 f^2).

    Args:
        fa: in [0, 1], on the grid of `b0`.
        b0: a contrast with structure, such as T2.
    """
    f = np.asarray(fa.voxels, float)
    d = f / np.sqrt(3 - 2 * f**2)
    vectors = np.vstack([np.zeros((_B0S, 3)), _spread(_DIRECTIONS)])
    b = np.where(vectors.any(axis=1), _B, 0.0)
    flip = np.array([-1.0 if np.linalg.det(b0.affine[:3, :3]) > 0 else 1.0, 1.0, 1.0])
    along = _fibre_axes(b0)
    voxels = np.empty((*f.shape, len(b)), np.float32)
    for n, (strength, vector) in enumerate(zip(b, vectors * flip, strict=True)):
        # Voxel axes are at right angles: what is said in them needs no world.
        diffusivity = _MEAN_DIFFUSIVITY * (1 - d + 3 * d * (along @ vector) ** 2)
        voxels[..., n] = b0.voxels * np.exp(-strength * diffusivity if strength else 0 * f)
    return SimulatedSeries(voxels, b, vectors)


def _fibre_axes(contrast: Volume) -> NDArray[Any]:
    """Return where a contrast changes least, `(I, J, K, 3)` along the voxel axes, by its structure tensor."""
    smooth = ndimage.gaussian_filter(contrast.voxels.astype(float), _BLUR[0])
    change = np.stack(
        [slope / mm for slope, mm in zip(np.gradient(smooth), contrast.spacing, strict=True)], axis=-1
    )
    structure = change[..., :, None] * change[..., None, :]
    structure = ndimage.gaussian_filter(structure, (*[_BLUR[1]] * 3, 0, 0))
    axes: NDArray[Any] = np.linalg.eigh(structure)[1][..., 0]
    return axes


def _spread(n: int) -> Floats:
    """Return `n` directions on half a sphere, evenly spread (a Fibonacci lattice)."""
    z = (np.arange(n) + 0.5) / n
    turn = np.pi * (3 - np.sqrt(5)) * np.arange(n)
    return np.stack([np.sqrt(1 - z**2) * np.cos(turn), np.sqrt(1 - z**2) * np.sin(turn), z], axis=1)
