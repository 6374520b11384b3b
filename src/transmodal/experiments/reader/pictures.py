"""Pictures of a reader study: one slice in one window, drawn alike from a measured and from a synthetic volume.

Every picture of a session has the same size in pixels and, stored without compression and without metadata, in bytes: noise
compresses worse than what a network smooths, and a file's size would tell.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from transmodal.cohorts.store import PreparedCase
from transmodal.errors import InputError
from transmodal.evaluation.drawing.figures import DisplayWindow, Pixels, grey, window_of
from transmodal.evaluation.drawing.planes import Frame, Mask, canonical
from transmodal.modalities import modality_of
from transmodal.volumes import Volume

Plane = Literal["axial", "coronal", "sagittal"]
AXES: Mapping[str, int] = {"sagittal": 0, "coronal": 1, "axial": 2}
FULL_ENOUGH = 0.3
"""Of the largest slice's area, below which a slice is not shown."""


@dataclass(frozen=True, slots=True)
class PictureStyle:
    """How slices become pictures, the same for every volume.

    Attributes:
        plane: that they lie in.
        window: values from black to white; None takes the modality's, or each volume's own where it has no unit.
        shows_outside: whether what lies outside the evaluation mask is shown; it is black otherwise.
    """

    plane: Plane = "axial"
    window: tuple[float, float] | None = None
    shows_outside: bool = False


class ReadCase(NamedTuple):
    """One case as it is drawn: its frame, and where there is what.

    Attributes:
        case: of the cohort.
        frame: box and pixels, of the measured image.
        inside: evaluation mask, closest to RAS; None without one.
        target: the measured image.
        modality: of it.
        unit: of its values, where it is not the modality's own.
    """

    case: PreparedCase
    frame: Frame
    inside: Mask | None
    target: Volume
    modality: str
    unit: str

    def slices(self, plane: Plane) -> list[int]:
        """Return the slices of a plane that show enough."""
        areas = _areas(self.content(), plane)
        return [int(n) for n in np.flatnonzero(areas >= FULL_ENOUGH * areas.max())]

    def content(self) -> Mask:
        """Return the voxels that hold something."""
        return _content(self.target) if self.inside is None else self.inside


def open_case(case: PreparedCase, modality: str, unit: str) -> ReadCase:
    """Return a case as it is drawn.

    Args:
        case: with the modality.
        modality: that is shown.
        unit: of its values, where it is not the modality's own.
    """
    stored, mask = case.volume(modality), case.mask()
    target = canonical(stored)
    inside = None if mask is None else canonical(stored.with_voxels(mask.astype(np.uint8))).voxels > 0
    inside = inside if inside is not None and inside.any() else None
    frame = Frame.of(target.grid, _content(target) if inside is None else inside)
    return ReadCase(case, frame, inside, target, modality, unit)


def lesion_slices(read: ReadCase, lesions: NDArray[np.bool_], plane: Plane) -> tuple[list[int], list[int]]:
    """Return the slices with lesion, most of it first, and those without that show enough.

    Args:
        read: the case.
        lesions: voxels of lesions on the case's grid, as its volumes are stored.
        plane: that slices lie in.
    """
    stored = read.case.volume(read.modality)
    flags = canonical(Volume(lesions.astype(np.uint8), stored.affine)).voxels > 0
    areas = _areas(flags & read.content(), plane)
    anywhere = _areas(flags, plane)
    enough = read.slices(plane)
    with_lesion = sorted((n for n in enough if areas[n] > 0), key=lambda n: (-areas[n], n))
    return with_lesion, [n for n in enough if anywhere[n] == 0]


def draw_slice(read: ReadCase, volume: Volume, place: int, style: PictureStyle, label: str) -> Pixels:
    """Draw a slice of a volume.

    Args:
        read: the case.
        volume: measured or synthetic, on the grid of the measured one.
        place: slice along the plane's axis, closest to RAS.
        style: of the session.
        label: whose volume of which case, for the error.

    Raises:
        InputError: E124 for a picture of one value, E122 for colour beside grey.
    """
    if volume.is_colour != read.target.is_colour:
        raise InputError("E122", f"{label}, in other colours", "what the measured image has", "Leave it out.")
    own = canonical(volume)
    window = _window(read, own, style)
    centre = list(read.frame.centre)
    centre[AXES[style.plane]] = place
    frame = replace(read.frame, centre=(centre[0], centre[1], centre[2]))
    pixels = grey(frame.plane(own.voxels, style.plane), window)
    if read.inside is not None and not style.shows_outside:
        share = frame.plane(read.inside, style.plane)
        pixels = np.where((share > 0.5)[(..., *[None] * (pixels.ndim - 2))], pixels, np.uint8(0))
    if pixels.min() == pixels.max():
        raise InputError(
            "E124",
            f"{label} shows one value in the window {window.low:g} to {window.high:g}",
            "an image of something",
            "Choose a window that fits with --window LOW,HIGH, or leave it out: its unit may be another.",
        )
    return pixels


def encode_alike(pictures: Sequence[Pixels]) -> tuple[tuple[int, int], list[bytes]]:
    """Return rows and columns that all have, and the pictures as PNG files of one size, black around the smaller ones."""
    rows, columns = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    return (rows, columns), [_encode(_padded(picture, rows, columns)) for picture in pictures]


def _window(read: ReadCase, volume: Volume, style: PictureStyle) -> DisplayWindow:
    if style.window is not None and not volume.is_colour:
        return DisplayWindow(*style.window, read.unit)
    has_unit = bool(modality_of(read.modality).unit) and not read.unit
    window_volume = read.target if has_unit else volume
    return window_of(read.modality, window_volume.voxels, read.inside, unit=read.unit)


def _areas(flags: Mask, plane: Plane) -> NDArray[np.float64]:
    """Return how many voxels of every slice are set."""
    axes = tuple(axis for axis in range(3) if axis != AXES[plane])
    areas: NDArray[np.float64] = flags.sum(axis=axes, dtype=np.float64)
    return areas


def _content(volume: Volume) -> Mask:
    flat = volume.voxels.reshape(*volume.grid.shape, -1)
    return np.asarray((flat != flat.min()).any(axis=-1))


def _padded(picture: Pixels, rows: int, columns: int) -> Pixels:
    canvas: Pixels = np.zeros((rows, columns, *picture.shape[2:]), np.uint8)
    first_row, first_column = (rows - picture.shape[0]) // 2, (columns - picture.shape[1]) // 2
    canvas[first_row : first_row + picture.shape[0], first_column : first_column + picture.shape[1]] = picture
    return canvas


def _encode(picture: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG", compress_level=0)
    return buffer.getvalue()
