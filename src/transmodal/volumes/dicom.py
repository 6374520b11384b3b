"""DICOM: one series, a folder of slices, as one volume in real-world values."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError

from transmodal.errors import InputError, ResourceError, TransmodalError
from transmodal.volumes.nifti import BUDGET_BYTES, finite
from transmodal.volumes.volume import Affine, Volume

_GAP = 0.01
"""Slices count as evenly spaced where no gap differs from the median by more than this share."""


def read(
    folder: Path,
    *,
    nonfinite: Literal["refuse", "zero"] = "refuse",
    series: str | None = None,
    budget_bytes: int = BUDGET_BYTES,
) -> Volume:
    """Read a series; slices are sorted along their normal, rescale is applied slice by slice.

    Args:
        folder: holds the series' files; files that are not DICOM are passed over.
        nonfinite: refuse values that are not finite, or take them as 0.
        series: SeriesInstanceUID, where the folder holds several.
        budget_bytes: refuse series that declare more.

    Raises:
        InputError: E100 without DICOM files, E101 for damaged ones, E103 for slices that make no volume,
            E121 for several series or multi-frame objects, E123 for pixels that are not supported.
        ResourceError: E401 beyond the budget.
    """
    slices = _one_series(folder, _headers(folder), series)
    first = slices[0]
    _same(folder, slices)
    rows, columns = int(first.Rows), int(first.Columns)
    size = rows * columns * len(slices) * 4
    if size > budget_bytes:
        raise ResourceError(
            "E401",
            f"{folder.name} declares {size / 2**30:.2f} GiB",
            f"at most {budget_bytes / 2**30:.2f} GiB",
            "Check the folder.",
        )
    slices, affine = _placed(folder, slices)
    planes = [_pixels(folder, one) for one in slices]
    stack = np.stack(planes, axis=2)  # (columns, rows, slices[, 3])
    if stack.dtype.kind == "f":
        stack = finite(stack, folder.name, nonfinite)
    return Volume(np.ascontiguousarray(stack), affine)


def _headers(folder: Path) -> list[FileDataset]:
    found = []
    for path in sorted(one for one in folder.iterdir() if one.is_file()):
        try:
            dataset = pydicom.dcmread(path, specific_tags=None)
        except InvalidDicomError:
            continue
        except Exception as error:
            raise _damaged(path.name, error) from error
        if "PixelData" in dataset or "Rows" in dataset:
            found.append(dataset)
    if not found:
        raise InputError(
            "E100", f"{folder.name} holds no DICOM image", "the folder of one series", "Check the path."
        )
    return found


def _one_series(folder: Path, slices: list[FileDataset], series: str | None) -> list[FileDataset]:
    counts = Counter(str(one.get("SeriesInstanceUID", "")) for one in slices)
    if series is not None:
        chosen = [one for one in slices if str(one.get("SeriesInstanceUID", "")) == series]
        if not chosen:
            raise InputError(
                "E100", f"{folder.name} without that series", f"one of {len(counts)}", "Check it."
            )
        return chosen
    if len(counts) > 1:
        sizes = ", ".join(f"{number} slices" for number in counts.values())
        raise InputError(
            "E121",
            f"{folder.name} holds {len(counts)} series ({sizes})",
            "one series",
            "Put each into a folder.",
        )
    return slices


def _same(folder: Path, slices: list[FileDataset]) -> None:
    first = slices[0]
    for tag in ("Rows", "Columns", "ImageOrientationPatient", "PixelSpacing"):
        for one in slices:
            if tag not in one:
                raise InputError(
                    "E103",
                    f"{folder.name}: a slice without {tag}",
                    "slices with their place",
                    "Export it again.",
                )
            here, there = np.array(one[tag].value, float), np.array(first[tag].value, float)
            if here.shape != there.shape or not np.allclose(here, there, atol=1e-4):
                raise InputError(
                    "E103",
                    f"{folder.name}: slices that differ in {tag}",
                    "slices of one kind",
                    "Sort the series.",
                )
    if int(first.get("NumberOfFrames", 1) or 1) > 1:
        raise InputError(
            "E121", f"{folder.name}: a multi-frame object", "one file per slice", "Convert it with dcm2niix."
        )


def _placed(folder: Path, slices: list[FileDataset]) -> tuple[list[FileDataset], Affine]:
    orientation = np.array(slices[0].ImageOrientationPatient, float)
    along_columns, along_rows = orientation[:3], orientation[3:]
    normal = np.cross(along_columns, along_rows)
    if not np.isfinite(orientation).all() or abs(np.linalg.norm(normal) - 1) > 1e-2:
        raise InputError(
            "E112",
            f"{folder.name}: orientation {orientation.tolist()}",
            "two unit vectors",
            "Export it again.",
        )
    if any("ImagePositionPatient" not in one for one in slices):
        raise InputError("E111", f"{folder.name}: a slice without position", "positions", "Export it again.")
    positions = np.array([np.array(one.ImagePositionPatient, float) for one in slices])
    heights = positions @ normal
    order = np.argsort(heights, kind="stable")
    step = _step(folder, heights[order], slices[0])
    row_mm, column_mm = (float(value) for value in slices[0].PixelSpacing)
    if min(row_mm, column_mm) <= 0:
        raise InputError(
            "E103", f"{folder.name}: PixelSpacing {row_mm}, {column_mm}", "above 0", "Export again."
        )
    lps = np.eye(4)
    lps[:3, 0] = along_columns * column_mm
    lps[:3, 1] = along_rows * row_mm
    ordered = positions[order]
    lps[:3, 2] = (ordered[-1] - ordered[0]) / (len(slices) - 1) if len(slices) > 1 else normal * step
    lps[:3, 3] = ordered[0]
    return [slices[index] for index in order], np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps


def _step(folder: Path, heights: NDArray[np.float64], first: FileDataset) -> float:
    if heights.size == 1:
        return float(first.get("SliceThickness", 1.0) or 1.0)
    gaps = np.diff(heights)
    step = float(np.median(gaps))
    if gaps.min() < 1e-4:
        raise InputError(
            "E103", f"{folder.name}: two slices at one place", "one slice per place", "Remove duplicates."
        )
    worst = int(np.abs(gaps - step).argmax())
    if abs(gaps[worst] - step) > max(_GAP * step, 1e-3):
        raise InputError(
            "E103",
            f"{folder.name}: {gaps[worst]:.3g} mm between slices {worst + 1} and {worst + 2}",
            f"{step:.3g} mm throughout",
            "Look for missing slices.",
        )
    return step


def _pixels(folder: Path, one: FileDataset) -> NDArray[Any]:
    """Return `(columns, rows)` in real values, or `(columns, rows, 3)` uint8."""
    kind = str(one.get("PhotometricInterpretation", ""))
    try:
        pixels = one.pixel_array
    except TransmodalError:
        raise
    except Exception as error:
        raise _damaged(folder.name, error) from error
    if kind == "RGB" and pixels.ndim == 3 and pixels.dtype == np.uint8:
        return np.swapaxes(pixels, 0, 1)
    if kind != "MONOCHROME2" or pixels.ndim != 2:
        raise InputError(
            "E123",
            f"{folder.name}: pixels of {kind or 'no kind'}",
            "MONOCHROME2 or RGB",
            "Convert the series.",
        )
    slope, intercept = float(one.get("RescaleSlope", 1) or 1), float(one.get("RescaleIntercept", 0) or 0)
    if not np.isfinite([slope, intercept]).all():
        raise InputError(
            "E103", f"{folder.name}: rescale {slope}, {intercept}", "numbers", "Export it again."
        )
    return _rescaled(pixels.T, slope, intercept)


def _rescaled(pixels: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """Apply the rescale once; whole numbers stay whole in int32, all else is float32."""
    if slope == int(slope) and intercept == int(intercept) and pixels.dtype.kind in "iu":
        return pixels.astype(np.int32) * int(slope) + int(intercept)
    return (pixels.astype(np.float64) * slope + intercept).astype(np.float32)


def _damaged(name: str, error: Exception) -> InputError:
    return InputError("E101", f"{name} cannot be read ({error})", "whole DICOM files", "Export them again.")
