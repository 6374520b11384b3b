"""Diffusion tensors: fractional anisotropy (FA) of a preprocessed diffusion series, in its own space.

The tensor is fitted by weighted least squares (Chung, Lu and Henry, NeuroImage 2006) by dipy, which is imported
when it is needed. FA is that of Basser and Pierpaoli (Journal of Magnetic Resonance B, 1996).
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, ResourceError
from transmodal.storage import placeholders, regular, streams
from transmodal.volumes.formats import nifti
from transmodal.volumes.reading import STRICT, Reading
from transmodal.volumes.regions.components import fill_holes, largest_component
from transmodal.volumes.volume import Affine, Grid, Volume

Floats = NDArray[np.float64]

B0_MAX = 50.0
"""Volumes with at most this b, in s/mm^2, count as not diffusion-weighted."""

_UNIT_WITHIN = 0.1
_MEDIAN_MM = 4.0
_FACES = tuple((slice(None),) * axis + (end,) for axis in range(3) for end in (0, -1))
_STILL = 1e-7  # in mm^2/s; free water has 3e-3
_SINGULAR = 1e-3  # of the design: below it directions are too much alike


class Gradients(NamedTuple):
    """The diffusion weighting of each volume of a series.

    Attributes:
        b: `(N,)`, in s/mm^2.
        vectors: `(N, 3)`, as FSL has them: along the voxel axes, the first one turned round where the
            affine's determinant is positive. Of length 1, or 0 where b is not above `B0_MAX`.
    """

    b: Floats
    vectors: Floats


class TensorFit(NamedTuple):
    """The FA and b0 of a series, with the tensors' main axes.

    Attributes:
        fa: `(I, J, K)` float32 in [0, 1]; 0 outside the mask.
        direction: `(I, J, K, 3)` float32, the tensor's main axis in RAS+ world, of length 1; its sign
            means nothing; 0 outside the mask.
        b0: `(I, J, K)` float32, mean of the volumes without diffusion weighting.
        notes: `b0_volumes`, `weighted_volumes`, `b_highest` in s/mm^2, and `fa_outside`: the share of the
            mask's voxels whose FA came out above 1 (a negative eigenvalue) and was set to 1.
    """

    fa: Volume
    direction: NDArray[np.float32]
    b0: Volume
    notes: dict[str, float]


def fit_tensors(
    path: Path,
    gradients: Gradients,
    *,
    b_max: float = 1500.0,
    mask: Volume | None = None,
    reading: Reading = STRICT,
) -> TensorFit:
    """Fit tensors to the volumes of a series up to `b_max`; above it the signal is no single exponential.

    Args:
        path: the series, a NIfTI file of N volumes, free of motion and eddy currents.
        gradients: of its N volumes.
        b_max: greatest b to take, in s/mm^2.
        mask: where to fit, on the grid of the series; else the brain is found in b0 (median filter and
            Otsu's threshold).
        reading: how the series is read where it leaves something open.

    Raises:
        InputError: E103 when volumes and gradients do not match or are too few or too much alike, E112
            for a sheared affine, E124 for an empty mask, E130 for a mask on another grid, and as
            `volumes.formats.nifti.read`.
        ResourceError: E401, E402; E404 without dipy.
    """
    frames = np.flatnonzero(gradients.b <= b_max)
    fitted = Gradients(gradients.b[frames], gradients.vectors[frames])
    _check_enough(fitted, path.name, b_max)
    series, affine = nifti.read_series(
        path,
        frames,
        len(gradients.b),
        nonfinite=reading.nonfinite,
        orientation_from=reading.orientation_from,
        assume_orientation=reading.assume_orientation,
    )
    if Grid(series.shape[:3], affine).is_sheared:
        raise InputError(
            "E112",
            f"{path.name} has a sheared affine",
            "the grid of an acquisition",
            "Give the native series.",
        )
    design = _design_matrix(fitted.b, to_world(fitted.vectors, affine))
    low = fitted.b <= B0_MAX
    b0 = Volume(series[..., low].mean(axis=-1, dtype=np.float64).astype(np.float32), affine)
    inside = _find_mask(b0, mask, path.name)
    scale = float(b0.voxels[inside].mean()) or 1.0
    fa, direction = np.zeros(inside.shape), np.zeros((*inside.shape, 3))
    for k in np.flatnonzero(inside.any(axis=(0, 1))):  # slice by slice: doubles of a whole series do not fit
        plane = inside[:, :, k]
        fa[:, :, k][plane], direction[:, :, k][plane] = _fit_signals(design, series[:, :, k][plane], scale)
    notes = {
        "b0_volumes": float(low.sum()),
        "weighted_volumes": float((~low).sum()),
        "b_highest": float(fitted.b.max()),
        "fa_outside": round(float((fa[inside] > 1).mean()), 6),
    }
    volume = Volume(fa.clip(0, 1).astype(np.float32), affine)
    return TensorFit(volume, direction.astype(np.float32), b0, notes)


def read_gradients(bval: Path, bvec: Path) -> Gradients:
    """Read b-values and vectors as FSL writes them, in rows; columns are taken as well.

    Raises:
        InputError: E100 when a file is not there, E101 when it holds no numbers, E103 when the two do not
            match, a b-value is negative, or a vector is not of length 1.
    """
    b, table = _read_table(bval).ravel(), _read_table(bvec)
    vectors = table.T if table.shape[0] == 3 and table.shape[1] != 3 else table
    if vectors.shape != (len(b), 3):
        raise InputError(
            "E103",
            f"{bval.name} with {len(b)} values and {bvec.name} of {table.shape[0]} x {table.shape[1]}",
            "a b-value and a vector of three for every volume",
            "Take both files from one preprocessing run.",
        )
    if not np.isfinite(b).all() or b.min() < 0:
        raise InputError("E103", f"{bval.name} with {b.min():g}", "b-values from 0 on", "Export it again.")
    weighted = b > B0_MAX
    length = np.linalg.norm(vectors, axis=1)
    odd = np.flatnonzero(weighted & ~(np.abs(length - 1) <= _UNIT_WITHIN))
    if odd.size:
        raise InputError(
            "E103",
            f"{bvec.name}: volume {odd[0]} (from 0) of b = {b[odd[0]]:g} has a vector of length {length[odd[0]]:.3g}",
            "length 1",
            "Where lengths scale the b-values, write scaled b-values and unit vectors.",
        )
    directions = np.where(weighted[:, None], vectors, 0.0)
    return Gradients(b, directions / np.where(weighted, length, 1.0)[:, None])


def to_world(vectors: Floats, affine: Affine) -> Floats:
    """Turn FSL's vectors `(N, 3)` into RAS+ world: along the voxel axes, x flipped for a positive determinant.

    The affine has to be free of shear.
    """
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    flip = np.array([-1.0 if np.linalg.det(axes) > 0 else 1.0, 1.0, 1.0])
    turned: Floats = (vectors * flip) @ axes.T
    return turned


def fractional_anisotropy(eigenvalues: Floats) -> Floats:
    """Return FA of eigenvalues `(..., 3)` in mm^2/s; above 1 only where one is negative.

    Where nothing diffuses (root of the sum of squares at most 1e-7) it is 0: it would be a ratio of roundings.
    """
    spread = np.linalg.norm(eigenvalues - eigenvalues.mean(axis=-1, keepdims=True), axis=-1)
    size = np.linalg.norm(eigenvalues, axis=-1)
    fa: Floats = np.sqrt(1.5) * np.divide(spread, size, out=np.zeros_like(size), where=size > _STILL)
    return fa


def _fit_signals(design: Floats, signals: NDArray[Any], scale: float) -> tuple[Floats, Floats]:
    """Return FA `(V,)` and main axes `(V, 3)` of signals `(V, N)`.

    Args:
        design: `(N, 7)`, as `_design`.
        signals: any real values; what is not above 0 counts as the least value above it.
        scale: of the signals, so that their squares, the weights, stay near 1.
    """
    dti = _import_dipy("dipy.reconst.dti")
    values = signals.astype(np.float64) / scale
    positive = values[values > 0]
    values = np.maximum(values, positive.min() if positive.size else 1.0)
    triangular, _ = dti.wls_fit_tensor(design, values, return_lower_triangular=True)
    eigenvalues, axes = np.linalg.eigh(dti.from_lower_triangular(triangular))
    return fractional_anisotropy(eigenvalues), axes[..., -1]


def _design_matrix(b: Floats, vectors: Floats) -> Floats:
    """Return dipy's design matrix, `(N, 7)`."""
    table = _import_dipy("dipy.core.gradients").gradient_table(b, bvecs=vectors, b0_threshold=B0_MAX)
    design: Floats = _import_dipy("dipy.reconst.dti").design_matrix(table)
    return design


def _check_enough(gradients: Gradients, name: str, b_max: float) -> None:
    """Refuse gradients that do not determine a tensor, before a large file is read."""
    low = gradients.b <= B0_MAX
    n_low, n_weighted = int(low.sum()), int((~low).sum())
    if not (n_low and n_weighted) or not _determines_tensor(gradients):
        raise InputError(
            "E103",
            f"{name}: up to b = {b_max:g} there are {n_low} volumes without weighting and {n_weighted} with, "
            "which do not determine a tensor",
            "one volume of b = 0 and six directions or more",
            "Give the whole series; where all shells lie higher, say so: --with b_max=2000.",
        )


def _determines_tensor(gradients: Gradients) -> bool:
    design = _design_matrix(*gradients) / np.array([gradients.b.max()] * 6 + [1.0])
    return bool(np.linalg.matrix_rank(design, rtol=_SINGULAR) == design.shape[1])


def _find_mask(b0: Volume, mask: Volume | None, name: str) -> NDArray[np.bool_]:
    """Return where to fit."""
    if mask is None:
        inside = _find_brain(b0)
    elif mask.grid.same_as(b0.grid):
        inside = mask.voxels != 0
    else:
        raise InputError(
            "E130", f"{name} and its mask on two grids", "one grid", "Give the mask of this series, or none."
        )
    if not inside.any():
        raise InputError("E124", f"{name} with an empty brain mask", "a brain", "Look at the first volume.")
    return inside


def _find_brain(b0: Volume) -> NDArray[np.bool_]:
    """Return what stands out of b0: its content where all faces are one value, as after skull-stripping."""
    voxels = b0.voxels
    low = min(voxels[face].min() for face in _FACES)
    if all((voxels[face] == low).all() for face in _FACES):
        brain = voxels > low
    else:
        # A radius in mm, and one pass: more of both takes the cortex away.
        radius = max(1, round(_MEDIAN_MM / float(np.mean(b0.spacing))))
        _, brain = _import_dipy("dipy.segment.mask").median_otsu(voxels, median_radius=radius, numpass=1)
    return fill_holes(largest_component(brain)) if brain.any() else brain


def _read_table(path: Path) -> Floats:
    """Return the numbers of a text file, as many in every row."""
    with streams.guarded(path.name, "text file of numbers"):
        placeholders.refuse(path)
        text = regular.read_text(path)
    try:
        table = np.array(
            [[float(word) for word in line.split()] for line in text.splitlines() if line.strip()]
        )
        if table.ndim != 2:
            raise ValueError("no numbers")
    except ValueError as error:
        raise InputError(
            "E101", f"{path.name}: {error}", "rows of numbers, as FSL writes them", "Export it again."
        ) from error
    return table


def _import_dipy(module: str) -> Any:  # noqa: ANN401  (a package without types)
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ResourceError(
            "E404",
            "FA of a diffusion series without dipy",
            "dipy to fit the tensors",
            "pip install 'transmodal[diffusion]'",
        ) from error
