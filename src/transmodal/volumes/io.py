"""Read and write volumes: the one door for image files, strict on the way in, verified on the way out."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import numpy as np

from transmodal.errors import InputError, IntegrityError, TransmodalError, UsageError
from transmodal.storage import files, listing, memory, streams
from transmodal.volumes import voxels
from transmodal.volumes.formats import metaimage, nifti, raster
from transmodal.volumes.formats.dicom import headers as dicom_files
from transmodal.volumes.formats.dicom import series as dicom
from transmodal.volumes.reading import STRICT, Reading
from transmodal.volumes.volume import TOLERANCE_MM, Volume

SUFFIXES = (".nii.gz", ".nii", ".mha", ".mhd")
"""Volumes that are written and read; a folder is read as a DICOM series."""
WRITABLE = (*SUFFIXES, *raster.SUFFIXES)
"""All that is written: volumes, and pictures of one slice."""


@memory.guarded("an image was read", "Free memory, or crop the image.")
def read(path: Path | str, reading: Reading = STRICT) -> Volume:
    """Read one volume in real-world values, strictly.

    Integers stay integers where the file has no scaling; all else is float32; colour is uint8.

    Args:
        path: NIfTI, MetaImage, PNG, TIFF, or the folder of a DICOM series.
        reading: what the user says of files that leave something open.

    Raises:
        InputError: E100 when there is nothing, E102 for another format, E139 for a folder with a DICOM series
            and image files, and as the formats' readers.
        ResourceError: E401 beyond the budget, E402, E403.
        UsageError: E001, E004 for options that do not fit the file.
    """
    path = Path(path)
    is_folder = _is_folder(path)
    name = path.name.lower()
    if reading.series is not None and not is_folder:
        raise UsageError(
            "E004",
            f"series {reading.series} of {path.name}",
            "the folder of a DICOM series",
            "Leave the series out.",
        )
    if not is_folder and name.endswith((".nii", ".nii.gz")):
        return nifti.read(
            path,
            nonfinite=reading.nonfinite,
            orientation_from=reading.orientation_from,
            assume_orientation=reading.assume_orientation,
            frame=reading.frame,
        )
    if reading.frame not in (None, 0):
        raise UsageError(
            "E001", f"frame {reading.frame} of {path.name}", "0, the only one", "Leave the frame out."
        )
    if is_folder:
        images_in(path)
        return dicom.read(path, nonfinite=reading.nonfinite, series=reading.series)
    if name.endswith((".mha", ".mhd")):
        return metaimage.read(
            path, nonfinite=reading.nonfinite, assume_orientation=reading.assume_orientation
        )
    if name.endswith(raster.SUFFIXES):
        return raster.read(path, nonfinite=reading.nonfinite, assume_orientation=reading.assume_orientation)
    raise InputError(
        "E102",
        f"{path.name}",
        f"a name that ends in {', '.join(WRITABLE)}, or a DICOM folder",
        "Convert the image; for DICOM files name their folder.",
    )


def read_grey(path: Path | str, reading: Reading = STRICT) -> Volume:
    """Read one grey volume; as `read`. Grey that is stored as RGB is grey.

    Raises:
        InputError: E122 for colour, and as `read`.
    """
    volume = read(path, reading).in_grey()
    if volume.is_colour:
        raise InputError("E122", f"{Path(path).name} is in colour", "a grey image", "Give another image.")
    return volume


def read_fitted(path: Path, reading: Reading = STRICT) -> Volume:
    """Read one volume of a case that has series and volumes side by side: a frame counts in series alone.

    Raises:
        InputError, ResourceError, UsageError: as `read`.
    """
    return read(path, _fitted(path, reading))


def read_grey_fitted(path: Path, reading: Reading = STRICT) -> Volume:
    """Read one grey volume of a case, as `read_fitted`.

    Raises:
        InputError, ResourceError, UsageError: as `read_grey`.
    """
    return read_grey(path, _fitted(path, reading))


def _fitted(path: Path, reading: Reading) -> Reading:
    """Return the reading without a frame where a file holds one volume."""
    is_nifti = path.is_file() and path.name.lower().endswith((".nii", ".nii.gz"))
    has_frames = reading.frame is not None and is_nifti and nifti.n_volumes(path) > 1
    return reading if has_frames else replace(reading, frame=None)


def write(volume: Volume, path: Path | str, *, description: str = "") -> str:
    """Write a volume beside its place, read it back, compare, and only then give it its name.

    bool becomes uint8, float64 and float16 float32, int64 int32 where it fits; other types stay.

    Args:
        volume: what to write.
        path: where to; the ending says the format.
        description: a short ASCII marker for the NIfTI header, such as `SYNTHETIC transmodal`.

    Returns:
        The SHA-256 of the file; for `.mhd` of the header, which names its voxels by their hash.

    Raises:
        UsageError: E005 for another ending or a place that is not usable.
        InputError: E112 for a sheared affine in MetaImage, E120, E123 for voxels that files cannot hold.
        IntegrityError: E503 when it does not read back equal.
        ResourceError: E403 when the disk is full or may not be written.
    """
    return write_back(volume, path, description=description)[0]


def write_back(volume: Volume, path: Path | str, *, description: str = "") -> tuple[str, Volume]:
    """Write a volume as `write` does; return the SHA-256 and the volume as it was read back.

    Raises:
        UsageError, InputError, IntegrityError, ResourceError: as `write`.
    """
    path = Path(path)
    name = path.name.lower()
    if not name.endswith(WRITABLE):
        raise UsageError("E005", f"{path.name}", f"a name that ends in {', '.join(WRITABLE)}", "Rename it.")
    stored = _storable(volume, path.name)
    if name.endswith(".mhd"):
        volumes = list[Volume]()
        digest = metaimage.write_pair(stored, path, lambda *paths: volumes.append(_verify(*paths)))
        return digest, volumes[0]
    with files.atomic_path(path) as beside:
        if name.endswith(".mha"):
            metaimage.write(stored, beside)
        elif name.endswith(raster.SUFFIXES):
            raster.write(stored, beside, path.name)
        else:
            nifti.write(stored, beside, description)
        back = _verify(stored, beside, path.name)
    return files.sha256_file(path), back


def read_written(path: Path) -> Volume:
    """Read an image that `write` wrote; of a picture, which keeps no place in space, as if it lay in RAS.

    Raises:
        InputError, ResourceError: as `read`.
    """
    is_picture = path.name.lower().endswith(raster.SUFFIXES)
    return read(path, Reading(assume_orientation="RAS")) if is_picture else read(path)


def is_image(path: Path) -> bool:
    """Return whether, by its name, a file is of a format that is read here."""
    return path.name.lower().endswith(WRITABLE)


def images_in(folder: Path) -> list[Path]:
    """Return the image files of a folder, sorted; none where it holds a DICOM series.

    Raises:
        InputError: E139 when it holds both, since either could be meant.
    """
    paths = listing.files_in(folder)
    images = [path for path in paths if is_image(path)]
    if not images or not any(dicom_files.claims_dicom(path) for path in paths if not is_image(path)):
        return images
    raise InputError(
        "E139",
        f"{folder.name} holds DICOM files and the image file {images[0].name}",
        "a DICOM series or image files, not both",
        f"Name the image file itself, or move {images[0].name} out of the folder to take the DICOM series.",
    )


def _is_folder(path: Path) -> bool:
    """Tell a folder from a file; what is neither is refused."""
    with streams.guarded(str(path), "file or folder"):
        mode = path.stat().st_mode
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise InputError("E100", f"{path.name} is neither file nor folder", "an image", "Check the path.")
    return stat.S_ISDIR(mode)


def _storable(volume: Volume, name: str) -> Volume:
    if volume.is_colour and volume.voxels.dtype != np.uint8:
        raise InputError(
            "E123", f"{name}: colour of type {volume.voxels.dtype}", "uint8", "Round and clip it to 0 to 255."
        )
    voxels.check_finite(volume.voxels, name)
    return volume.with_voxels(voxels.to_storable(volume.voxels, name))


def _verify(volume: Volume, beside: Path, name: str) -> Volume:
    picture = beside.name.lower().endswith(raster.SUFFIXES)
    try:
        back = read_written(beside)
    except TransmodalError as error:
        raise IntegrityError(
            "E503", f"{name} does not read back ({error.got})", "what was written", "Check the disk."
        ) from error
    apart = float(np.abs(back.grid.corners() - volume.grid.corners()).max())
    # NIfTI keeps affines in float32: as exact as that, and never worse than the tolerance for its extent.
    allowed = max(TOLERANCE_MM, 4e-7 * float(np.abs(volume.grid.corners()).max()))
    # A picture keeps its pixels, no place in space.
    if not np.array_equal(back.voxels, volume.voxels) or (apart > allowed and not picture):
        raise IntegrityError(
            "E503", f"{name} does not read back equal", "what was written", "Check the disk, then try again."
        )
    return back
