"""Checks of a case before it is prepared: numbers, on one grid, with content; and its voxels as they are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.case import EXTRA, MODALITY, Case
from transmodal.errors import InputError
from transmodal.modalities import modality_of
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import reorient, working_grid
from transmodal.volumes.voxels import is_finite

_AS_RGB = " grey_stored_as_rgb"


def drop_rgb_channels(case: Case) -> Case:
    """Return a case with one channel of each grey image that is stored as RGB; its notes then name the image.

    `colour` stays as it is.
    """
    extra = {"mask": case.mask, "segmentation": case.segmentation}
    images = {**case.volumes, **{name: volume for name, volume in extra.items() if volume is not None}}
    grey = {name: volume.in_grey() for name, volume in images.items() if not modality_of(name).is_colour}
    changed = [name for name, volume in grey.items() if volume is not images[name]]
    if not changed:
        return case
    return replace(
        case,
        volumes={name: grey.get(name, volume) for name, volume in case.volumes.items()},
        mask=grey.get("mask"),
        segmentation=grey.get("segmentation"),
        notes={**case.notes, **rgb_notes(changed)},
    )


def rgb_notes(images: Iterable[str]) -> dict[str, float]:
    """Return the notes of a case whose images of these names were grey and stored as RGB."""
    return {f"{name}{_AS_RGB}": 1.0 for name in images}


def read_rgb_notes(notes: Mapping[str, float]) -> list[str]:
    """Return the images that were grey and stored as RGB, by the notes of their case."""
    return sorted(name.removesuffix(_AS_RGB) for name in notes if name.endswith(_AS_RGB))


def check(case: Case) -> tuple[dict[str, Volume], dict[str, NDArray[Any]]]:
    """Return a case's volumes in the closest RAS orientation, and their voxels as they are stored.

    Volumes that lie so already share their voxels with the case.

    Raises:
        InputError: E103, E120 to E124, E130, E131, E143 for what is wrong with the case.
    """
    oriented = _orient(case)
    _check_one_grid(oriented)
    voxels = {name: _check_image(name, volume) for name, volume in oriented.items()}
    _check_distinct({modality: voxels[modality] for modality in case.volumes})
    return oriented, voxels


def _check_distinct(voxels: Mapping[str, NDArray[Any]]) -> None:
    """Refuse two modalities with equal voxels: one file under two names, of which nothing can be learned."""
    for first, second in combinations(voxels, 2):
        if voxels[first].shape == voxels[second].shape and np.array_equal(voxels[first], voxels[second]):
            raise InputError(
                "E143",
                f"{first} and {second} have the same voxels",
                "an image of its own for each modality",
                "Correct the file of one of them.",
            )


def _orient(case: Case) -> dict[str, Volume]:
    if not case.volumes:
        raise InputError("E131", "no volume", "one or more", "Check the case's folder.")
    for modality in case.volumes:
        if not MODALITY.fullmatch(modality):
            raise InputError(
                "E103", f"a modality called {modality!r}", "a name such as t1 or flair", "Rename the file."
            )
    extra = zip(EXTRA, (case.mask, case.segmentation), strict=True)
    images = {name: volume for name, volume in [*sorted(case.volumes.items()), *extra] if volume is not None}
    for name, volume in images.items():
        _check_numbers(name, volume)
    return {name: _canonical(volume) for name, volume in images.items()}


def _canonical(volume: Volume) -> Volume:
    """Return a volume in the closest RAS orientation; voxels in C order that lie so already are not copied."""
    if volume.orientation == "RAS" and volume.voxels.flags.c_contiguous:
        return Volume(volume.voxels, working_grid(volume.grid, None).affine)
    return reorient(volume)


def _check_one_grid(volumes: Mapping[str, Volume]) -> None:
    first, *further = volumes
    grid = volumes[first].grid
    for name in further:
        volume = volumes[name]
        if not volume.grid.same_as(grid):
            apart = np.linalg.norm(grid.corners() - volume.grid.corners(), axis=1).max()
            raise InputError(
                "E130",
                f"{name} {_grid_text(volume)} and {first} {_grid_text(volumes[first])}, corners up to {apart:.3g} mm apart",
                "volumes of a case on one grid",
                "Register or resample them onto the target's grid first; folders, pairs, bids, dicom, ixi and t1_fa register "
                "where they are told: --with onto=MODALITY.",
            )


def _grid_text(volume: Volume) -> str:
    spacing = " x ".join(f"{mm:.3g}" for mm in volume.spacing)
    return f"({' x '.join(map(str, volume.grid.shape))} of {spacing} mm)"


def _check_numbers(name: str, volume: Volume) -> None:
    voxels = volume.voxels
    if voxels.dtype.kind not in "biuf" or (volume.is_colour and voxels.dtype != np.uint8):
        expected = "uint8 sRGB" if volume.is_colour else "integers or real numbers"
        raise InputError("E123", f"{name} of type {voxels.dtype}", expected, "Convert the image.")
    if voxels.dtype.kind == "f" and not is_finite(voxels):
        bad = np.argwhere(~np.isfinite(voxels))
        first = tuple(int(index) for index in bad[0])
        raise InputError(
            "E120",
            f"{name} has {len(bad)} voxels that are not finite, the first at {first}",
            "numbers",
            "Repair the image, or take them as 0: --nonfinite zero.",
        )


def _check_image(name: str, volume: Volume) -> NDArray[Any]:
    """Return the voxels as they are stored, or refuse them."""
    voxels = volume.voxels
    if name in EXTRA and volume.is_colour:
        raise InputError("E122", f"{name} is in colour", "a grey image", "Give another image.")
    if name == "mask":
        return _as_mask(voxels)
    if name == "segmentation":
        return _as_labels(voxels)
    if voxels.min() == voxels.max():
        raise InputError(
            "E124", f"{name} is {voxels.min():g} everywhere", "an image with content", "Check the file."
        )
    return _as_stored(name, voxels)


def _as_stored(name: str, voxels: NDArray[Any]) -> NDArray[Any]:
    if voxels.dtype == np.bool_:
        return voxels.astype(np.uint8)
    if voxels.dtype.kind == "f" and voxels.dtype.itemsize > 4:
        if float(np.abs(voxels).max()) > float(np.finfo(np.float32).max):
            raise InputError("E123", f"{name} beyond float32", "values up to 3.4e38", "Rescale the image.")
        return voxels.astype(np.float32)
    return voxels.astype(voxels.dtype.newbyteorder("="), copy=False)


def _as_mask(voxels: NDArray[Any]) -> NDArray[np.uint8]:
    inside: NDArray[np.bool_] = voxels != 0
    if not inside.any():
        raise InputError("E124", "an empty mask", "a mask with voxels", "Check the file.")
    # Compared with one of its values and not gathered: most masks are half a volume.
    if not np.array_equal(voxels == voxels.flat[inside.argmax()], inside):
        values = voxels[inside]
        raise InputError(
            "E123",
            f"a mask with values from {values.min():g} to {values.max():g}",
            "0 and one other value",
            "Threshold it; labels belong into segmentation.",
        )
    return inside.view(np.uint8)  # 0 and 1 in a byte each, which is what a bool is


def _as_labels(voxels: NDArray[Any]) -> NDArray[Any]:
    low, high = float(voxels.min()), float(voxels.max())
    if voxels.dtype.kind == "f" and not np.array_equal(voxels, np.rint(voxels)):
        raise InputError("E123", "a segmentation with fractions", "integer labels", "Check the file.")
    for kind in (np.uint8, np.int16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return voxels.astype(kind)
    raise InputError(
        "E123", f"labels from {low:g} to {high:g}", "labels that 32 bits hold", "Number them anew."
    )
