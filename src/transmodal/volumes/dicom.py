"""DICOM: one series, a folder of slices, as one volume in real-world values.

Nothing is taken on trust: every file is read to its pixels, slices have to lie evenly, a missing or doubled
one is named, and a damaged file is never passed over as if it were no DICOM.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.volumes import listing, streams
from transmodal.volumes.dicom_files import Slice, images, quiet
from transmodal.volumes.streams import BUDGET_BYTES
from transmodal.volumes.volume import Affine, Volume
from transmodal.volumes.voxels import Nonfinite, placed, real, storable

SLICE_TOLERANCE_MM = 0.1
"""No slice lies further from its even place than this, or than a tenth of the step if that is less."""

_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def read(
    folder: Path,
    *,
    nonfinite: Nonfinite = "refuse",
    series: str | None = None,
    budget_bytes: int = BUDGET_BYTES,
) -> Volume:
    """Read a series; slices are sorted along their normal, rescale is applied slice by slice.

    Args:
        folder: holds the series' files; hidden files and files that are no DICOM images are passed over.
        nonfinite: refuse values that are not finite, or take them as 0.
        series: SeriesInstanceUID or SeriesNumber, where the folder holds several.
        budget_bytes: refuse files and series that declare more.

    Raises:
        InputError: E100 without DICOM images, E101 for damaged ones, E102 for multi-frame objects and
            deflated files, E103 for slices that make no volume, E111 for slices without their place, E121
            for several series or several images at one place, E123 for pixels that are not supported.
        ResourceError: E401 beyond the budget.
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
    with streams.guarded(name, "DICOM series"):
        slices = _one_series(name, images(paths, name, budget_bytes), series)
        _alike(name, slices)
        first = slices[0]
        n_pixels = int(first.numbers("Rows")[0] * first.numbers("Columns")[0]) * len(slices)
        streams.budgeted(name, 4 * n_pixels, budget_bytes)
        slices, affine = _placed(name, slices)
        planes = [_plane(one) for one in slices]
        if any(plane.dtype.kind == "f" for plane in planes):
            planes = [plane.astype(np.float32) for plane in planes]
        stack = np.stack(planes, axis=2)
        return placed(stack if stack.ndim == 4 else real(stack, name, nonfinite), affine, name)


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
            "Keep one of them in the folder (in Python, name its UID: series=...).",
        )
    return chosen[0]


def _alike(name: str, slices: list[Slice]) -> None:
    """Refuse slices that do not make one volume."""
    first = slices[0]
    for one in slices:
        if one.numbers("NumberOfFrames", default=1)[0] > 1 or "SharedFunctionalGroupsSequence" in one.dataset:
            raise InputError(
                "E102",
                f"{one.name} is a multi-frame object",
                "one file per slice",
                "Convert it with dcm2niix.",
            )
        for keyword in ("PhotometricInterpretation", "FrameOfReferenceUID", "SamplesPerPixel"):
            if one.text(keyword) != first.text(keyword):
                raise _differ(name, keyword, first, one)
        for keyword, count in (
            ("Rows", 1),
            ("Columns", 1),
            ("ImageOrientationPatient", 6),
            ("PixelSpacing", 2),
        ):
            if np.abs(one.numbers(keyword, count) - first.numbers(keyword, count)).max() > 1e-4:
                raise _differ(name, keyword, first, one)


def _differ(name: str, keyword: str, first: Slice, one: Slice) -> InputError:
    return InputError(
        "E103",
        f"{name}: {first.name} and {one.name} differ in {keyword}",
        "slices of one kind",
        "Sort the files into a folder for each image.",
    )


def _placed(name: str, slices: list[Slice]) -> tuple[list[Slice], Affine]:
    """Return the slices in order, and the affine; a tilted gantry gives a sheared one."""
    first = slices[0]
    orientation = first.numbers("ImageOrientationPatient", 6).reshape(2, 3)
    row_mm, column_mm = (float(value) for value in first.numbers("PixelSpacing", 2))
    if np.abs(orientation @ orientation.T - np.eye(2)).max() > 1e-3 or min(row_mm, column_mm) <= 0:
        raise InputError(
            "E103",
            f"{name}: orientation {orientation.tolist()}, spacing {row_mm:g}, {column_mm:g}",
            "two unit vectors at right angles and spacings above 0",
            "Export it again.",
        )
    normal = np.cross(orientation[0], orientation[1])
    positions = np.array([one.numbers("ImagePositionPatient", 3) for one in slices])
    order = np.argsort(positions @ normal, kind="stable")
    slices, positions = [slices[index] for index in order], positions[order]
    lps = np.eye(4)
    lps[:3, 0] = orientation[0] * column_mm
    lps[:3, 1] = orientation[1] * row_mm
    lps[:3, 2] = _step(name, slices, positions, normal)
    lps[:3, 3] = positions[0]
    return slices, np.asarray(_LPS @ lps, float)


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


def _plane(one: Slice) -> NDArray[Any]:
    """Return `(columns, rows)` in real values, or `(columns, rows, 3)` uint8."""
    with streams.guarded(one.name, "DICOM file"), quiet():
        dataset = pydicom.dcmread(one.path)
        kind = _supported(one, dataset)
        if not dataset.file_meta.TransferSyntaxUID.is_compressed:
            _check_length(one, dataset)
        pixels = dataset.pixel_array
    expected = (int(dataset.Rows), int(dataset.Columns), *((3,) if kind == "RGB" else ()))
    if pixels.shape != expected:
        raise InputError(
            "E101", f"{one.name} has pixels of shape {pixels.shape}", f"{expected}", "Export it again."
        )
    if kind == "RGB":
        return np.swapaxes(pixels, 0, 1)
    slope = float(one.numbers("RescaleSlope", default=1)[0])
    intercept = float(one.numbers("RescaleIntercept", default=0)[0])
    if slope == 0:
        raise InputError("E103", f"{one.name} has RescaleSlope 0", "another number", "Export it again.")
    return _rescaled(one, pixels.T, slope, intercept)


def _supported(one: Slice, dataset: pydicom.Dataset) -> str:
    """Return MONOCHROME2 or RGB; everything else is refused with its reason."""
    kind = str(dataset.get("PhotometricInterpretation"))
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    reasons = {
        f"{kind} pixels": kind not in ("MONOCHROME2", "RGB"),
        "no PixelData": "PixelData" not in dataset,
        "a modality lookup table": "ModalityLUTSequence" in dataset,
        f"{allocated} bits allocated": allocated not in ((8,) if kind == "RGB" else (8, 16, 32)),
        f"the high bit {dataset.HighBit} of {stored}": int(dataset.HighBit) != stored - 1
        or stored > allocated,
    }
    for reason, holds in reasons.items():
        if holds:
            raise InputError(
                "E101" if reason == "no PixelData" else "E123",
                f"{one.name} has {reason}",
                "MONOCHROME2 or 8-bit RGB pixels with a linear rescale",
                "Export or convert the series.",
            )
    return kind


def _check_length(one: Slice, dataset: pydicom.Dataset) -> None:
    samples = int(dataset.get("SamplesPerPixel", 1))
    needed = int(dataset.Rows) * int(dataset.Columns) * samples * int(dataset.BitsAllocated) // 8
    present = len(dataset.PixelData)
    if present != needed + needed % 2:
        raise InputError(
            "E101",
            f"{one.name} has {present} bytes of pixels",
            f"{needed + needed % 2} as its header declares",
            "Copy or export it again.",
        )


def _rescaled(one: Slice, pixels: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """Apply the rescale once: whole numbers stay whole, in the type that their bits need; else float32."""
    if (slope, intercept) == (1.0, 0.0):
        return storable(pixels, one.name)
    if slope != int(slope) or intercept != int(intercept):
        return real(pixels[:, :, None], one.name, "refuse", slope=slope, intercept=intercept)[:, :, 0]
    wide = pixels.astype(np.int64) * int(slope) + int(intercept)
    narrow = wide.astype(np.int16)
    return (
        narrow
        if _fits_16(one, int(slope), int(intercept)) and np.array_equal(narrow, wide)
        else storable(wide, one.name)
    )


def _fits_16(one: Slice, slope: int, intercept: int) -> bool:
    """Tell by the declared bits, so that all slices of a series come out in one type."""
    bits, is_signed = int(one.dataset.BitsStored), bool(one.dataset.PixelRepresentation)
    ends = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if is_signed else (0, 2**bits - 1)
    return all(-(2**15) <= end * slope + intercept < 2**15 for end in ends)
