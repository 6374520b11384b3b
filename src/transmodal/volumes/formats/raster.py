"""Raster images (PNG, TIFF; BMP to read) as volumes of one slice: columns are the first axis, rows the second.

A picture does not say how it lies in space, so reading one takes an orientation; its resolution, where it has one,
gives the spacing, else 1 mm. Depths of 8 and 16 bits stay as they are; nothing is squeezed.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, TiffImagePlugin

from transmodal.errors import InputError, UsageError
from transmodal.storage import placeholders, regular, streams
from transmodal.volumes.formats import bmp, png, tiff
from transmodal.volumes.formats.nifti_affine import assumed_affine
from transmodal.volumes.volume import Volume
from transmodal.volumes.voxels import Nonfinite, build_volume, to_real

SUFFIXES = (".png", ".tif", ".tiff")
READABLE = (*SUFFIXES, ".bmp")
"""Endings that `read` takes: stacks of photographs and labels come as BMP too."""
_FORMATS = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP"}
_READ = ("PNG", "TIFF", "BMP")
_UNLIMITED = threading.Lock()
"""Held while Pillow's own limit, which is the process's, is set aside."""
_GREY = {"L", "I;16", "I;16B", "I;16L", "F"}
_TURNED = 0x0112  # the tag by which cameras say that an image lies on its side
_MM_PER_INCH = 25.4


def read(
    path: Path,
    *,
    nonfinite: Nonfinite = "refuse",
    assume_orientation: str | None = None,
    budget_bytes: int | None = None,
) -> Volume:
    """Read one picture as `(columns, rows, 1)`, or `(columns, rows, 1, 3)` in colour.

    Args:
        path: a PNG, TIFF or BMP file.
        nonfinite: refuse pixels that are NaN or infinite (TIFF of floats), or take them as 0.
        assume_orientation: axis codes that columns, rows and the slice run to: `LPS` for an axial slice as
            radiologists look at it.
        budget_bytes: refuse pictures that declare more; None takes `memory.budget`.

    Raises:
        InputError: E101 truncated or corrupt, E102 another format, E103 turned by a tag, E111 without an
            orientation, E121 several frames, E123 palettes, transparency and other kinds of pixels.
        ResourceError: E401 beyond the budget.
    """
    name = path.name
    with streams.guarded(name, "PNG, TIFF or BMP file"), open_picture(path, budget_bytes) as image:
        _check(image, name)
        pixels = _pixels(image, name)
        spacing = _spacing(image)
    if assume_orientation is None:
        raise InputError(
            "E111",
            f"{name} is a picture and does not say how it lies",
            "a place in space",
            "Say it: --assume-orientation LPS is an axial slice as radiologists look at it.",
        )
    turned = np.ascontiguousarray(np.swapaxes(pixels, 0, 1)[:, :, None])
    affine = assumed_affine(np.array([*spacing, 1.0]), turned.shape[:3], assume_orientation)
    return build_volume(to_real(turned, name, nonfinite) if turned.ndim == 3 else turned, affine, name)


@contextmanager
def open_picture(path: Path, budget_bytes: int | None = None) -> Iterator[ImageFile.ImageFile]:
    """Open a PNG, TIFF or BMP file that is whole, of the format that its name says, and within the budget.

    Raises:
        InputError: E101 for a file with fewer or more rows than it declares, E102 for another format than its name
            says, E103 for a TIFF whose directories run in a circle.
        ResourceError: E401 beyond the budget.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of large pictures and odd tags: what matters is checked here
        placeholders.refuse(path)
        with regular.open_file(path) as stream:
            is_tiff = stream.read(2) in (b"II", b"MM")
        if is_tiff:
            tiff.check_directories(path)
        _quieten_log()
        with _open(path) as image:
            _check_whole(image, path, budget_bytes)
            yield image


def _open(path: Path) -> ImageFile.ImageFile:
    """Open a picture of any size: the budget says how large it may be, and not Pillow."""
    with _UNLIMITED:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(path, formats=_READ)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def size_of(path: Path) -> tuple[int, int]:
    """Return columns and rows of a picture, by its header.

    Raises:
        InputError: as `read`.
    """
    with streams.guarded(path.name, "PNG, TIFF or BMP file"), open_picture(path) as image:
        return image.size


def write(volume: Volume, path: Path, name: str) -> None:
    """Write a volume of one slice: 8 or 16 bits of grey, or colour; floats only as TIFF.

    Raises:
        UsageError: E005 for more than one slice, or floats in PNG.
        InputError: E123 for types that pictures do not hold.
    """
    voxels = volume.voxels
    if voxels.shape[2] != 1:
        raise UsageError(
            "E005",
            f"{voxels.shape[2]} slices in {name}",
            "one slice in a picture",
            "Write a volume, such as .nii.gz.",
        )
    pixels = np.ascontiguousarray(np.swapaxes(voxels[:, :, 0], 0, 1))
    kind = _FORMATS[Path(name).suffix.lower()]
    allowed = ("uint8", "uint16", "float32") if kind == "TIFF" else ("uint8", "uint16")
    if pixels.dtype.name not in allowed:
        raise UsageError(
            "E005",
            f"values of type {pixels.dtype} in {name}",
            f"{', '.join(allowed)} in {kind}",
            "Write .tif or a volume such as .nii.gz.",
        )
    x, y = (_MM_PER_INCH / mm for mm in volume.spacing[:2])
    Image.fromarray(pixels).save(path, format=kind, dpi=(x, y))


def _check_whole(image: ImageFile.ImageFile, path: Path, budget_bytes: int | None) -> None:
    """Refuse another format than the name says, more than the budget, and fewer or more rows than declared."""
    format_by_name = _FORMATS.get(path.suffix.lower())
    if format_by_name is not None and image.format != format_by_name:
        raise InputError(
            "E102",
            f"{path.name} holds {image.format}",
            f"{format_by_name}, as its name says",
            "Give it the ending of what it holds.",
        )
    size = image.width * image.height * 4
    streams.check_budget(path.name, size, budget_bytes, n_stored=path.stat().st_size)
    if image.format == "PNG":
        png.check(path, budget_bytes)
    elif image.format == "BMP":
        bmp.check(path)
    elif isinstance(image, TiffImagePlugin.TiffImageFile):
        tiff.check_rows(image.tag_v2, path)


def _check(image: ImageFile.ImageFile, name: str) -> None:
    frames = int(getattr(image, "n_frames", 1))
    if frames != 1:
        raise InputError(
            "E121", f"{name} holds {frames} frames", "one picture", "Save the frames one by one."
        )
    if image.getexif().get(_TURNED, 1) != 1:
        raise InputError(
            "E103", f"{name} is turned by a tag", "pixels as they lie", "Save it upright, without the tag."
        )


def _pixels(image: ImageFile.ImageFile, name: str) -> NDArray[Any]:
    """Return `(rows, columns)` or `(rows, columns, 3)`, every pixel decoded."""
    image.load()
    if image.mode in _GREY or image.mode == "RGB":
        pixels = np.asarray(image)
        return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if image.mode == "RGBA":
        pixels = np.asarray(image)
        if (pixels[..., 3] == 255).all():
            return pixels[..., :3]
    raise InputError(
        "E123",
        f"{name} has pixels of kind {image.mode}",
        "grey of 8 or 16 bits, or opaque RGB",
        "Convert it to grey or RGB, without palette and transparency.",
    )


def _spacing(image: ImageFile.ImageFile) -> tuple[float, float]:
    """Return mm per column and per row by the resolution, or 1 where there is none."""
    dots = image.info.get("dpi")
    try:
        x, y = (float(value) for value in dots) if dots else (0.0, 0.0)
    except (TypeError, ValueError):
        x, y = 0.0, 0.0
    usable = all(np.isfinite(value) and value > 0 for value in (x, y))
    return (_MM_PER_INCH / x, _MM_PER_INCH / y) if usable else (1.0, 1.0)


def _quieten_log() -> None:
    """Keep Pillow from logging every tag, of which some are of patients, unless its log was given a level."""
    log = logging.getLogger("PIL")
    if log.level == logging.NOTSET:
        log.setLevel(logging.INFO)
