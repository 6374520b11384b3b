"""DICOM: one series, a folder of slices or an RT Dose, as one volume in real-world values.

Nothing is taken on trust: every file is read to its pixels, slices have to lie evenly, a missing or doubled
one is named, and a damaged file is never passed over as if it were no DICOM.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.storage import listing, streams
from transmodal.storage.streams import BUDGET_BYTES
from transmodal.volumes.formats.dicom import dose
from transmodal.volumes.formats.dicom.checks import refuse_no_volume
from transmodal.volumes.formats.dicom.headers import Slice, images
from transmodal.volumes.formats.dicom.pixels import AIR_HU, Plane, plane, same_pixels
from transmodal.volumes.formats.dicom.plane import LPS_TO_RAS, in_plane
from transmodal.volumes.formats.dicom.privacy import guarded, masked
from transmodal.volumes.volume import Affine, Volume
from transmodal.volumes.voxels import Nonfinite, placed, real

SLICE_TOLERANCE_MM = 0.1
"""No slice lies further from its even place than this, or than a tenth of the step if that is less."""

_log = logging.getLogger(__name__)


def read(
    folder: Path,
    *,
    nonfinite: Nonfinite = "refuse",
    series: str | None = None,
    budget_bytes: int = BUDGET_BYTES,
) -> Volume:
    """Read a series; slices are sorted along their normal, rescale is applied slice by slice.

    Args:
        folder: holds the series' files; hidden files, DICOM without an image, and files of other kinds by their names are
            passed over, every other file that cannot be read is refused.
        nonfinite: refuse values that are not finite, or take them as 0.
        series: SeriesInstanceUID or SeriesNumber, where the folder holds several.
        budget_bytes: refuse files and series that declare more.

    Raises:
        InputError: E100 without DICOM images, E101 for damaged ones, E102 for multi-frame objects, mosaics and
            deflated files, E103 for slices that make no volume, E104 for several kinds of images in one series, E105
            for CT without its rescale, E111 for slices without their place, E121 for several series or several images
            at one place, E123 for pixels that are not supported.
        ResourceError: E401 beyond the budget, E404 where the decoder of compressed pixels is not installed.
        UsageError: E001 when there is no such series.
    """
    return read_files(
        listing.files_in(folder), folder.name, nonfinite=nonfinite, series=series, budget_bytes=budget_bytes
    )


def read_files(
    paths: Sequence[Path],
    name: str,
    *,
    nonfinite: Nonfinite = "refuse",
    series: str | None = None,
    budget_bytes: int = BUDGET_BYTES,
) -> Volume:
    """Read a series from files that may lie anywhere; `name` is what messages call it. Else as `read`."""
    with guarded(name):
        slices = images(paths, name, budget_bytes)
        name = masked(name, frozenset().union(*(one.identity for one in slices)))
        slices = _one_series(name, slices, series)
        slices = _each_once(name, slices)
        if all(map(dose.is_dose, slices)):
            return dose.read(name, slices, budget_bytes)
        refuse_no_volume(name, slices)
        first = slices[0]
        n_pixels = int(first.numbers("Rows")[0] * first.numbers("Columns")[0]) * len(slices)
        streams.budgeted(name, 4 * n_pixels, budget_bytes)
        slices, affine = _placed(name, slices)
        planes = [plane(one) for one in slices]
        _say_padding(name, planes)
        pixels = [one.pixels for one in planes]
        if any(one.dtype.kind == "f" for one in pixels):
            pixels = [one.astype(np.float32) for one in pixels]
        stack = np.stack(pixels, axis=2)
        return placed(stack if stack.ndim == 4 else real(stack, name, nonfinite), affine, name)


def _each_once(name: str, slices: list[Slice]) -> list[Slice]:
    """Return the slices without copies: the same SOPInstanceUID, place and pixels a second time."""
    firsts: dict[tuple[str, str], Slice] = {}
    taken, n_copies = [], 0
    for one in slices:
        key = (one.text("SOPInstanceUID"), one.text("ImagePositionPatient"))
        if key[0] and key in firsts and same_pixels(firsts[key], one):
            n_copies += 1
            continue
        firsts.setdefault(key, one)
        taken.append(one)
    if n_copies:
        _log.warning(
            "%s: %d of %d files are identical copies of others; read once", name, n_copies, len(slices)
        )
    return taken


def _say_padding(name: str, planes: Sequence[Plane]) -> None:
    padded = sum(one.n_padded for one in planes)
    if padded:
        _log.warning(
            "%s: %d pixels are padding by their header (%g HU); set to air, %d HU",
            name,
            padded,
            min(one.padding for one in planes if one.n_padded),
            AIR_HU,
        )


def _one_series(name: str, images: list[Slice], series: str | None) -> list[Slice]:
    groups: dict[str, list[Slice]] = {}
    for one in images:
        groups.setdefault(one.text("SeriesInstanceUID"), []).append(one)
    listed = "; ".join(
        f"number {group[0].text('SeriesNumber') or '-'}, {group[0].text('Modality') or '-'}, {len(group)} images"
        for group in groups.values()
    )
    if series is None:
        chosen = list(groups.values())
    else:
        chosen = [group for uid, group in groups.items() if series in (uid, group[0].text("SeriesNumber"))]
        if not chosen:
            raise UsageError(
                "E001", f"{name} without series {series}", f"one of: {listed}", "Name one of them."
            )
    if len(chosen) > 1:
        raise InputError(
            "E121",
            f"{name} holds {len(chosen)} series ({listed})",
            "one series",
            "Name one by its number or UID (transmodal translate --series, series= in Python), or keep one in the folder.",
        )
    return chosen[0]


def _placed(name: str, slices: list[Slice]) -> tuple[list[Slice], Affine]:
    """Return the slices in order, and the affine; a tilted gantry gives a sheared one."""
    first = slices[0]
    orientation, (column_mm, row_mm) = in_plane(name, first)
    normal = np.cross(orientation[0], orientation[1])
    positions = np.array([one.numbers("ImagePositionPatient", 3) for one in slices])
    order = np.argsort(positions @ normal, kind="stable")
    slices, positions = [slices[index] for index in order], positions[order]
    lps = np.eye(4)
    lps[:3, 0] = orientation[0] * column_mm
    lps[:3, 1] = orientation[1] * row_mm
    lps[:3, 2] = _step(name, slices, positions, normal)
    lps[:3, 3] = positions[0]
    return slices, np.asarray(LPS_TO_RAS @ lps, float)


def _step(
    name: str, slices: list[Slice], positions: NDArray[np.float64], normal: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the vector from slice to slice, mm."""
    if len(slices) == 1:
        return normal * _thickness(slices[0])
    gaps = np.diff(positions @ normal)
    closest = int(gaps.argmin())
    if gaps[closest] < 1e-3:
        raise _at_one_place(name, slices[closest], slices[closest + 1])
    step: NDArray[np.float64] = (positions[-1] - positions[0]) / (len(slices) - 1)
    even = positions[0] + np.arange(len(slices))[:, None] * step
    off = np.sqrt(((positions - even) ** 2).sum(axis=1)).max()
    if off > min(SLICE_TOLERANCE_MM, 0.1 * float(np.median(gaps))):
        widest = int(np.abs(gaps - np.median(gaps)).argmax())
        raise InputError(
            "E103",
            f"{name}: {gaps[widest]:.4g} mm between {slices[widest].name} and {slices[widest + 1].name}, slices"
            f" up to {off:.3g} mm off their even places",
            f"{np.median(gaps):.4g} mm throughout",
            "Look for missing slices.",
        )
    return step


def _thickness(one: Slice) -> float:
    keyword = "SpacingBetweenSlices" if one.text("SpacingBetweenSlices") else "SliceThickness"
    value = float(one.numbers(keyword)[0])
    if value <= 0:
        raise InputError("E103", f"{one.name} has {keyword} {value:g}", "above 0", "Export it again.")
    return value


def _at_one_place(name: str, one: Slice, other: Slice) -> InputError:
    if one.text("SOPInstanceUID") == other.text("SOPInstanceUID"):
        return InputError(
            "E103",
            f"{name}: {one.name} and {other.name} are the same slice",
            "each slice once",
            "Remove the copy.",
        )
    return InputError(
        "E121",
        f"{name}: {one.name} and {other.name} lie at one place",
        "one volume",
        "Sort echoes or time points into a folder each.",
    )
