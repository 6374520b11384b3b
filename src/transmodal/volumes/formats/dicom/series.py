"""DICOM: one series, a folder of slices or an RT Dose, as one volume in real-world values.

Nothing is taken on trust: every file is read to its pixels, slices have to lie evenly, a missing or doubled
one is named, and a damaged file is never passed over as if it were no DICOM.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transmodal.counts import counted
from transmodal.errors import InputError, UsageError
from transmodal.storage import listing, streams
from transmodal.volumes.formats.dicom import dose
from transmodal.volumes.formats.dicom.checks import check_one_volume
from transmodal.volumes.formats.dicom.codec_process import CodecProcess
from transmodal.volumes.formats.dicom.headers import read_images
from transmodal.volumes.formats.dicom.imaging_words import show_modality
from transmodal.volumes.formats.dicom.pixels import AIR_HU, Plane, has_same_pixels, read_plane
from transmodal.volumes.formats.dicom.plane import LPS_TO_RAS, in_plane_axes
from transmodal.volumes.formats.dicom.privacy import guarded, mask_identity
from transmodal.volumes.formats.dicom.slice_header import Slice
from transmodal.volumes.volume import Affine, Grid, Volume
from transmodal.volumes.voxels import Nonfinite, build_volume, to_real

SLICE_TOLERANCE_MM = 0.1
"""No slice lies further from its even place than this, or than a tenth of the step if that is less."""

_log = logging.getLogger(__name__)


def read(
    folder: Path,
    *,
    nonfinite: Nonfinite = "refuse",
    series: str | None = None,
    budget_bytes: int | None = None,
) -> Volume:
    """Read a series; slices are sorted along their normal, rescale is applied slice by slice.

    Args:
        folder: holds the series' files; hidden files, DICOM without an image, and files of other kinds by their names are
            passed over, every other file that cannot be read is refused.
        nonfinite: refuse values that are not finite, or take them as 0.
        series: SeriesInstanceUID or SeriesNumber, where the folder holds several.
        budget_bytes: refuse files and series that declare more; None takes `memory.budget`.

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
    budget_bytes: int | None = None,
) -> Volume:
    """Read a series from files that may lie anywhere; `name` is what messages call it. Else as `read`."""
    with guarded(name):
        slices = read_images(paths, name, budget_bytes)
        name = mask_identity(name, frozenset().union(*(header.identity for header in slices)))
        slices = _drop_copies(name, _choose_series(name, slices, series))
        if all(map(dose.is_dose, slices)):
            return dose.read(name, slices, budget_bytes)
        check_one_volume(name, slices)
        first = slices[0]
        n_pixels = int(first.numbers("Rows")[0] * first.numbers("Columns")[0]) * len(slices)
        n_stored = sum(header.path.stat().st_size for header in slices)
        streams.check_budget(name, 4 * n_pixels, budget_bytes, n_stored=n_stored)
        slices, affine = _sort_slices(name, slices)
        with CodecProcess() as codecs:
            planes = [read_plane(header, codecs) for header in slices]
        _log_padding(name, planes)
        pixels = [image.pixels for image in planes]
        if any(values.dtype.kind == "f" for values in pixels):
            pixels = [values.astype(np.float32) for values in pixels]
        stack = np.stack(pixels, axis=2)
        return build_volume(stack if stack.ndim == 4 else to_real(stack, name, nonfinite), affine, name)


def read_slices(folder: Path, series: str | None = None) -> list[Slice]:
    """Read the headers of the slices that `read` makes a volume of, each once, in no order.

    Raises:
        InputError, ResourceError, UsageError: as `read`, for faults that show in headers.
    """
    with guarded(folder.name):
        slices = read_images(listing.files_in(folder), folder.name)
        name = mask_identity(folder.name, frozenset().union(*(header.identity for header in slices)))
        return _drop_copies(name, _choose_series(name, slices, series))


def read_order(folder: Path, series: str | None = None) -> tuple[list[Slice], Grid]:
    """Read the headers of the slices that `read` makes a volume of, in its order, and the grid of that volume.

    Raises:
        InputError, ResourceError, UsageError: as `read`, for faults that show in headers.
    """
    slices = read_slices(folder, series)
    with guarded(folder.name):
        check_one_volume(folder.name, slices)
        slices, affine = _sort_slices(folder.name, slices)
        rows, columns = (int(slices[0].numbers(keyword)[0]) for keyword in ("Rows", "Columns"))
        return slices, Grid((columns, rows, len(slices)), affine)


def _drop_copies(name: str, slices: list[Slice]) -> list[Slice]:
    """Return the slices without copies: the same SOPInstanceUID, place and pixels a second time."""
    firsts: dict[tuple[str, str], Slice] = {}
    distinct, n_copies = [], 0
    for header in slices:
        key = (header.text("SOPInstanceUID"), header.text("ImagePositionPatient"))
        if key[0] and key in firsts and has_same_pixels(firsts[key], header):
            n_copies += 1
            continue
        firsts.setdefault(key, header)
        distinct.append(header)
    if n_copies:
        _log.warning(
            "%s: %d of %d files are identical copies of others; read once", name, n_copies, len(slices)
        )
    return distinct


def _log_padding(name: str, planes: Sequence[Plane]) -> None:
    padded = sum(image.n_padded for image in planes)
    if padded:
        _log.warning(
            "%s: %d pixels are padding by their header; set to air, %d HU",
            name,
            padded,
            AIR_HU,
        )


def _choose_series(name: str, images: list[Slice], series: str | None) -> list[Slice]:
    groups: dict[str, list[Slice]] = {}
    for header in images:
        groups.setdefault(header.text("SeriesInstanceUID"), []).append(header)
    listed = "; ".join(
        f"{_show_number(group[0])}, {show_modality(group[0].text('Modality'))}, {counted(len(group), 'image')}"
        for group in groups.values()
    )
    if series is None:
        matches = list(groups.values())
    else:
        matches = [group for uid, group in groups.items() if series in (uid, group[0].text("SeriesNumber"))]
        if not matches:
            raise UsageError(
                "E001", f"{name} without series {series}", f"one of: {listed}", "Name one of them."
            )
    if len(matches) > 1:
        raise InputError(
            "E121",
            f"{name} holds {len(matches)} series ({listed})",
            "one series",
            "Name one by its number or UID (transmodal translate --series, series= in Python), or keep one in the folder.",
        )
    return matches[0]


def _show_number(header: Slice) -> str:
    """Return a SeriesNumber as scanners count them; a longer one can be an id, and is not shown."""
    number = header.text("SeriesNumber")
    return f"number {number}" if re.fullmatch(r"\d{1,4}", number) else "no number below 10000"


def _sort_slices(name: str, slices: list[Slice]) -> tuple[list[Slice], Affine]:
    """Return the slices in order, and the affine; a tilted gantry gives a sheared one."""
    first = slices[0]
    orientation, (column_mm, row_mm) = in_plane_axes(name, first)
    normal = np.cross(orientation[0], orientation[1])
    positions = np.array([header.numbers("ImagePositionPatient", 3) for header in slices])
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
        raise _same_place_error(name, slices[closest], slices[closest + 1])
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


def _thickness(header: Slice) -> float:
    keyword = "SpacingBetweenSlices" if header.text("SpacingBetweenSlices") else "SliceThickness"
    value = float(header.numbers(keyword)[0])
    if value <= 0:
        raise InputError("E103", f"{header.name} has a {keyword} of 0 or less", "above 0", "Export it again.")
    return value


def _same_place_error(name: str, first: Slice, second: Slice) -> InputError:
    if first.text("SOPInstanceUID") == second.text("SOPInstanceUID"):
        return InputError(
            "E103",
            f"{name}: {first.name} and {second.name} are the same slice",
            "each slice once",
            "Remove the copy.",
        )
    return InputError(
        "E121",
        f"{name}: {first.name} and {second.name} lie at one place",
        "one volume",
        "Sort echoes or time points into a folder each.",
    )
