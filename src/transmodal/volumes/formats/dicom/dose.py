"""RT Dose: one object with the planes of a dose grid, as a volume in Gy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError
from transmodal.storage import listing, streams
from transmodal.volumes.formats.dicom.headers import claims_dicom, read_headers
from transmodal.volumes.formats.dicom.pixels import read_frames
from transmodal.volumes.formats.dicom.plane import LPS_TO_RAS, in_plane_axes
from transmodal.volumes.formats.dicom.slice_header import Slice
from transmodal.volumes.volume import Affine, Volume
from transmodal.volumes.voxels import build_volume, to_real

_EVEN_MM = 0.01


def is_dose(header: Slice) -> bool:
    """Return whether a file is an RT Dose."""
    return header.text("Modality") == "RTDOSE"


def find(path: Path) -> Path | None:
    """Return the file of the dose that a path is, or that lies in a folder among images and structures; None without one.

    Raises:
        InputError: E121 for a folder with several.
    """
    if path.is_dir():
        headers = read_headers(file for file in listing.files_in(path) if claims_dicom(file))
        doses = [header.path for header in headers if isinstance(header, Slice) and is_dose(header)]
        if len(doses) > 1:
            raise InputError(
                "E121",
                f"{path.name} holds {len(doses)} doses",
                "one",
                "Name the file of the plan's sum (DoseSummationType PLAN), or keep that alone in the folder.",
            )
        return doses[0] if doses else None
    if not path.is_file() or not claims_dicom(path):
        return None
    header = next(iter(read_headers([path])), None)
    return path if isinstance(header, Slice) and is_dose(header) else None


def read(name: str, slices: list[Slice], budget: int | None) -> Volume:
    """Read a dose grid: DoseGridScaling applied, planes where GridFrameOffsetVector says.

    Args:
        name: what messages call it.
        slices: the one file.
        budget: refuse a grid of more bytes.

    Raises:
        InputError: E103 for a grid that makes no sense, E105 for a dose without its unit, E121 for several grids, and as
            `pixels.read_frames`.
        ResourceError: E401 beyond the budget.
    """
    if len(slices) > 1:
        raise InputError(
            "E121",
            f"{name} holds {len(slices)} dose grids",
            "one",
            "Keep the plan's sum (DoseSummationType PLAN) in the folder.",
        )
    (header,) = slices
    n_frames = int(header.numbers("NumberOfFrames", default=1)[0])
    n_pixels = n_frames * int(header.numbers("Rows")[0] * header.numbers("Columns")[0])
    streams.check_budget(name, 4 * n_pixels, budget, n_stored=header.path.stat().st_size)
    scaling = float(header.numbers("DoseGridScaling")[0])
    if header.text("DoseUnits").upper() != "GY" or scaling <= 0:
        raise InputError(
            "E105",
            f"{header.name} is a dose whose DoseUnits are not GY, or whose DoseGridScaling is not above 0",
            "GY and a number above 0",
            "Export the dose as absolute dose.",
        )
    affine = _affine(header, n_frames)
    stored = read_frames(header, n_frames)
    stack = to_real(
        np.ascontiguousarray(stored.transpose(2, 1, 0)), name, "refuse", slope=scaling, intercept=0.0
    )
    return build_volume(stack, affine, name)


def _affine(header: Slice, n_frames: int) -> Affine:
    axes, spacing = in_plane_axes(header.name, header)
    offsets = _offsets(header, n_frames)
    steps = np.diff(offsets)
    step = float(steps.mean()) if steps.size else float(header.numbers("SliceThickness")[0])
    if step == 0 or np.abs(steps - step).max(initial=0.0) > _EVEN_MM:
        raise InputError(
            "E103",
            f"{header.name} has planes of unequal distances in GridFrameOffsetVector",
            "one distance, not 0",
            "Export the dose on an even grid.",
        )
    position = header.numbers("ImagePositionPatient", 3)
    direction = _direction(header, axes, float(offsets[0]), float(position[2]))
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1] = axes[0] * spacing[0], axes[1] * spacing[1]
    lps[:3, 2], lps[:3, 3] = direction * step, position
    return np.asarray(LPS_TO_RAS @ lps, float)


def _direction(header: Slice, axes: NDArray[np.float64], first: float, z: float) -> NDArray[np.float64]:
    """Return where offsets count to: along the normal from the first plane, or as z of transverse planes."""
    normal: NDArray[np.float64] = np.cross(axes[0], axes[1])
    if abs(first) <= _EVEN_MM:
        return normal
    if abs(first - z) <= _EVEN_MM and abs(normal[2]) > 1 - 1e-6:
        return np.array([0.0, 0.0, 1.0])
    raise InputError(
        "E103",
        f"{header.name} has a GridFrameOffsetVector that begins elsewhere",
        "0, or the z of ImagePositionPatient of transverse planes",
        "Export the dose again.",
    )


def _offsets(header: Slice, n_frames: int) -> NDArray[np.float64]:
    if n_frames == 1:
        return np.zeros(1)
    return header.numbers("GridFrameOffsetVector", n_frames)
