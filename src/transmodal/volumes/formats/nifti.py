"""NIfTI-1 and -2 in one file: a strict reader over nibabel, and a writer whose bytes depend on the volume only.

What is checked here and left unchecked elsewhere: the whole gzip stream to its checksum, the declared
against the present size before anything is allocated, raw `pixdim` and `scl` fields, sform against qform
(see `nifti_affine`), and voxels that are not finite.
"""

from __future__ import annotations

import gzip
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.storage import memory, streams
from transmodal.volumes.formats import nifti_affine
from transmodal.volumes.formats.nifti_affine import Form
from transmodal.volumes.formats.nifti_header import HEADER_BYTES, RGB, NiftiLayout, read_layout, read_scaling
from transmodal.volumes.volume import Affine, Grid, Volume
from transmodal.volumes.voxels import Nonfinite, build_volume, to_real, to_storable

_SIDE_LIMIT = 32767
_SERIES = 4
"""A series may take so many times what a volume may: it has hundreds of them."""


def read(
    path: Path,
    *,
    nonfinite: Nonfinite = "refuse",
    orientation_from: Form | None = None,
    assume_orientation: str | None = None,
    frame: int | None = None,
    budget_bytes: int | None = None,
) -> Volume:
    """Read one volume in real-world values.

    Args:
        path: a `.nii` or `.nii.gz` file.
        nonfinite: refuse voxels that are NaN or infinite, or take them as 0.
        orientation_from: which form to believe where they disagree.
        assume_orientation: axis codes such as `RAS` for a file that does not say how it lies.
        frame: which volume of a series, from 0.
        budget_bytes: refuse files that declare or hold more; None takes `memory.budget`.

    Raises:
        InputError: E101 truncated or corrupt, E102 no NIfTI, E103 a contradictory header, E110, E111,
            E112 for its place in space, E120 for voxels that are not finite, E121 for its dimensions,
            E123 for its voxel type, E124 without voxels.
        ResourceError: E401 beyond the budget.
        UsageError: E001, E004 for options that do not fit the file.
    """
    with streams.guarded(path.name, "NIfTI file"):
        parts = streams.blocks(path, gzipped=path.name.lower().endswith(".gz"))
        start = streams.head(parts, HEADER_BYTES)
        layout = read_layout(path.name, start, _budget(path, budget_bytes))
        slope, intercept = read_scaling(path.name, layout.header)
        i, j, k = layout.shape[:3]
        affine = nifti_affine.affine_of(
            layout.header, path.name, (i, j, k), orientation_from, assume_orientation
        )
        content = streams.gather(path.name, start, parts, layout.offset + layout.n_bytes)
        raw = _one_volume(path.name, _voxels(content, layout), frame)
        if raw.ndim == 4:
            if layout.dtype != RGB:  # for which the format says that there is no scaling
                _refuse_scaling(path.name, slope, intercept)
            volume = build_volume(np.ascontiguousarray(raw), affine, path.name)
        else:
            values = to_real(raw, path.name, nonfinite, slope=slope, intercept=intercept)
            volume = build_volume(values, affine, path.name)
        return replace(volume, space=nifti_affine.space_of(layout.header, orientation_from))


def _refuse_scaling(name: str, slope: float, intercept: float) -> None:
    """Refuse a slope or an intercept of bytes of colour: scaled, they would be no colours any more."""
    if (slope, intercept) != (1.0, 0.0):
        raise InputError(
            "E103",
            f"{name} has colours, scl_slope {slope:g} and scl_inter {intercept:g}",
            "colours as they are",
            "Export it again, without scaling.",
        )


def read_description(path: Path) -> str:
    """Return what a file says of itself in its header.

    Raises:
        InputError, ResourceError: as `read`.
    """
    with streams.guarded(path.name, "NIfTI file"):
        parts = streams.blocks(path, gzipped=path.name.lower().endswith(".gz"))
        start = streams.head(parts, HEADER_BYTES)
        header = read_layout(path.name, start, _budget(path, None)).header
        return bytes(header["descrip"]).rstrip(b"\0").decode("ascii", "replace")


def n_volumes(path: Path) -> int:
    """Return how many volumes a file declares: 1, or as many as a series has.

    Raises:
        InputError: as `read`, for its header.
        ResourceError: E401 beyond the budget.
    """
    with streams.guarded(path.name, "NIfTI file"):
        parts = streams.blocks(path, gzipped=path.name.lower().endswith(".gz"))
        most = _SERIES * _budget(path)
        layout = read_layout(path.name, streams.head(parts, HEADER_BYTES), most)
        outer = layout.shape[3:]
        # Colour can stand as a vector of three bytes, which is one volume (see `_one_volume`).
        return 1 if outer == (1, 3) and layout.dtype == np.uint8 else math.prod(outer)


def read_series(
    path: Path,
    frames: NDArray[np.integer[Any]],
    n_frames: int,
    *,
    nonfinite: Nonfinite = "refuse",
    orientation_from: Form | None = None,
    assume_orientation: str | None = None,
    budget_bytes: int | None = None,
) -> tuple[NDArray[Any], Affine]:
    """Read chosen volumes of a series in real-world values.

    Args:
        path: a `.nii` or `.nii.gz` file of four dimensions.
        frames: which volumes, from 0, in any order.
        n_frames: how many there have to be in the file.
        nonfinite: as for `read`.
        orientation_from: as for `read`.
        assume_orientation: as for `read`.
        budget_bytes: refuse files that declare or hold more; None takes `memory.budget`.

    Returns:
        Voxels `(I, J, K, len(frames))`, integers or float32, and the affine.

    Raises:
        InputError: E121 when there are not `n_frames` volumes of grey, and as `read`.
        ResourceError: E401 beyond the budget.
    """
    with streams.guarded(path.name, "NIfTI file"):
        parts = streams.blocks(path, gzipped=path.name.lower().endswith(".gz"))
        start = streams.head(parts, HEADER_BYTES)
        most = budget_bytes if budget_bytes is not None else _SERIES * _budget(path)
        layout = read_layout(path.name, start, most)
        scaling = read_scaling(path.name, layout.header)
        (i, j, k), outer = layout.shape[:3], layout.shape[3:]
        if math.prod(outer) != n_frames or layout.dtype == RGB:
            raise InputError(
                "E121",
                f"{path.name} of shape {layout.shape}",
                f"a series of {n_frames} volumes",
                "Take the series and what describes it from one place.",
            )
        affine = nifti_affine.affine_of(
            layout.header, path.name, (i, j, k), orientation_from, assume_orientation
        )
        content = streams.gather(path.name, start, parts, layout.offset + layout.n_bytes)
        raw = _voxels(content, layout).reshape(i, j, k, n_frames, order="F")[..., frames]
        return to_real(raw, path.name, nonfinite, slope=scaling[0], intercept=scaling[1]), affine


def write(volume: Volume, path: Path, description: str = "") -> None:
    """Write a volume, uncompressed or gzipped by the name's ending; sform and qform say the same.

    An affine with shear stands in the sform alone. A side beyond 32767 voxels makes it NIfTI-2.

    Raises:
        InputError: E123 for a voxel type that NIfTI cannot hold.
    """
    voxels = to_storable(volume.voxels, path.name)
    if volume.is_colour:
        voxels = np.ascontiguousarray(voxels).view(RGB).reshape(voxels.shape[:3])
    kind = nib.Nifti1Image if max(voxels.shape) <= _SIDE_LIMIT else nib.Nifti2Image
    image = kind(voxels, volume.affine, dtype=voxels.dtype)  # type: ignore[no-untyped-call]  # nibabel
    nifti_affine.write_forms(image.header, volume.grid, volume.space)
    image.header["descrip"] = description.encode("ascii", "replace")[:79]
    data = image.to_bytes()
    if path.name.lower().endswith(".gz"):
        data = gzip.compress(data, compresslevel=4, mtime=0)
    path.write_bytes(data)


def write_series(voxels: NDArray[Any], affine: Affine, path: Path, description: str = "") -> None:
    """Write a series `(I, J, K, N)`, as `write` writes a volume.

    Raises:
        InputError: E123 for a voxel type that NIfTI cannot hold.
    """
    image = nib.Nifti1Image(to_storable(voxels, path.name), affine)
    i, j, k = voxels.shape[:3]
    nifti_affine.write_forms(image.header, Grid((i, j, k), affine))
    image.header["descrip"] = description.encode("ascii", "replace")[:79]
    data = image.to_bytes()
    path.write_bytes(gzip.compress(data, compresslevel=4, mtime=0) if path.suffix == ".gz" else data)


def _budget(path: Path, budget: int | None = None) -> int:
    """Return how many bytes a file's volume may take."""
    is_compressed = path.name.lower().endswith(".gz")
    return memory.budget(path.stat().st_size if is_compressed else None) if budget is None else budget


def _voxels(content: NDArray[np.uint8], layout: NiftiLayout) -> NDArray[Any]:
    flat = np.frombuffer(content.data, dtype=layout.dtype, offset=layout.offset)
    return flat.reshape(layout.shape, order="F")


def _one_volume(name: str, voxels: NDArray[Any], frame: int | None) -> NDArray[Any]:
    """Return raw voxels `(I, J, K)`, or `(I, J, K, 3)` for colour."""
    shape = voxels.shape
    is_vector = len(shape) == 5 and shape[3:] == (1, 3) and voxels.dtype == np.uint8
    frames = voxels if is_vector else voxels.reshape(*shape[:3], math.prod(shape[3:]), order="F")
    n_frames = frames.shape[3]
    if frame is None and n_frames > 1:
        raise InputError(
            "E121",
            f"{name} has the shape {shape}",
            "one volume",
            f"Choose one of its {n_frames} with --frame N (from 0), or split the series.",
        )
    if frame is not None and not 0 <= frame < n_frames:
        raise UsageError(
            "E001", f"frame {frame} of {name}", f"0 to {n_frames - 1}", "Choose one that is there."
        )
    volume: NDArray[Any] = frames[:, :, :, frame or 0]
    if volume.dtype == RGB:
        return np.stack([volume[channel] for channel in "RGB"], axis=-1)
    return volume
