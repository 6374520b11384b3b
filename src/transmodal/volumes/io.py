"""Read and write volumes: the one door for image files, strict on the way in, verified on the way out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from transmodal.errors import InputError, IntegrityError, TransmodalError, UsageError
from transmodal.volumes import dicom, files, metaimage, nifti
from transmodal.volumes.volume import TOLERANCE_MM, Volume

SUFFIXES = (".nii.gz", ".nii", ".mha", ".mhd")
"""What is written and read; a folder is read as a DICOM series."""


def read(
    path: Path | str,
    *,
    nonfinite: Literal["refuse", "zero"] = "refuse",
    orientation_from: Literal["sform", "qform"] | None = None,
    assume_orientation: str | None = None,
    frame: int | None = None,
) -> Volume:
    """Read one volume in real-world values, strictly.

    Integers stay integers where the file has no scaling; all else is float32; colour is uint8.

    Args:
        path: NIfTI, MetaImage, or the folder of a DICOM series.
        nonfinite: refuse voxels that are NaN or infinite, or take them as 0.
        orientation_from: where a NIfTI file's sform and qform disagree: which to believe.
        assume_orientation: axis codes for a NIfTI file that does not say how it lies.
        frame: which volume of a NIfTI series, from 0.

    Raises:
        InputError: E100 when there is nothing, E102 for another format, and as the formats' readers.
        ResourceError: E401 beyond the budget.
    """
    path = Path(path)
    if not path.exists():
        raise InputError("E100", f"{path} does not exist", "an image", "Check the path.")
    if path.is_dir():
        return dicom.read(path, nonfinite=nonfinite)
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz")):
        return nifti.read(
            path,
            nonfinite=nonfinite,
            orientation_from=orientation_from,
            assume_orientation=assume_orientation,
            frame=frame,
        )
    if name.endswith((".mha", ".mhd")):
        return metaimage.read(path, nonfinite=nonfinite)
    raise InputError(
        "E102",
        f"{path.name}",
        f"a name that ends in {', '.join(SUFFIXES)}, or a DICOM folder",
        "Convert the image, for DICOM files name their folder.",
    )


def read_grey(
    path: Path | str,
    *,
    nonfinite: Literal["refuse", "zero"] = "refuse",
    orientation_from: Literal["sform", "qform"] | None = None,
    assume_orientation: str | None = None,
    frame: int | None = None,
) -> Volume:
    """Read one grey volume; as `read`.

    Raises:
        InputError: E122 for colour, and as `read`.
    """
    volume = read(
        path,
        nonfinite=nonfinite,
        orientation_from=orientation_from,
        assume_orientation=assume_orientation,
        frame=frame,
    )
    if volume.is_colour:
        raise InputError("E122", f"{Path(path).name} is in colour", "a grey image", "Give another image.")
    return volume


def write(volume: Volume, path: Path | str, *, description: str = "") -> str:
    """Write a volume beside its place, read it back, compare, and only then give it its name.

    Args:
        volume: what to write.
        path: where to; the ending says the format.
        description: a short ASCII marker for the header, such as `SYNTHETIC`.

    Returns:
        The SHA-256 of the file.

    Raises:
        UsageError: E005 for another ending or a place that is not usable.
        InputError: E112 for a sheared affine in MetaImage, E120, E123 for voxels that files cannot hold.
        IntegrityError: E503 when it does not read back equal.
        ResourceError: E403 when the disk is full or may not be written.
    """
    path = Path(path)
    name = path.name.lower()
    if not name.endswith(SUFFIXES):
        raise UsageError("E005", f"{path.name}", f"a name that ends in {', '.join(SUFFIXES)}", "Rename it.")
    kept = volume.with_voxels(nifti.storable(volume.voxels, path.name))
    if kept.voxels.dtype.kind == "f":
        nifti.finite(kept.voxels, path.name, "refuse")
    if name.endswith(".mhd"):
        return metaimage.write_pair(kept, path, _verify)
    with files.atomic_path(path) as beside:
        if name.endswith(".mha"):
            metaimage.write(kept, beside)
        else:
            nifti.write(kept, beside, description)
        _verify(kept, beside, path.name)
    return files.sha256_file(path)


def is_image(path: Path) -> bool:
    """Tell by its name whether a file is of a format that is read here."""
    return path.name.lower().endswith(SUFFIXES)


def _verify(volume: Volume, beside: Path, name: str) -> None:
    try:
        back = read(beside)
    except TransmodalError as error:
        raise IntegrityError(
            "E503", f"{name} does not read back ({error.got})", "what was written", "Check the disk."
        ) from error
    apart = float(np.abs(back.grid.corners() - volume.grid.corners()).max())
    # NIfTI keeps affines in float32: as exact as that, and never worse than the tolerance for its extent.
    allowed = max(TOLERANCE_MM, 4e-7 * float(np.abs(volume.grid.corners()).max()))
    if not np.array_equal(back.voxels, volume.voxels) or apart > allowed:
        raise IntegrityError(
            "E503", f"{name} does not read back equal", "what was written", "Check the disk, then try again."
        )
