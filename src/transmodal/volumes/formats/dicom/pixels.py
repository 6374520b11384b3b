"""The pixels of one DICOM slice in real values: decoded, checked against the header, rescaled once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels.decoders.base import get_decoder

from transmodal.errors import InputError, ResourceError
from transmodal.volumes.formats.dicom.codec_process import CodecProcess
from transmodal.volumes.formats.dicom.headers import read_whole
from transmodal.volumes.formats.dicom.privacy import guarded
from transmodal.volumes.formats.dicom.slice_header import Slice
from transmodal.volumes.voxels import to_real, to_storable

AIR_HU = -1024
"""HU that padding of CT is set to: the least value that scanners store."""
_PLAUSIBLE_HU = (AIR_HU, 4000.0)
"""Padding within this range is taken as it stands: 0 can be padding by the header and water in the image."""
_KINDS = (
    "MONOCHROME1",
    "PALETTE COLOR",
    "YBR_FULL",
    "YBR_FULL_422",
    "YBR_ICT",
    "YBR_RCT",
    "HSV",
    "ARGB",
    "CMYK",
)
_LARGEST = 2**62
"""Rescaled numbers up to here are whole in 64 bits; larger ones are floats."""
CODECS = 'pip install "transmodal[dicom]"'
"""Command that installs the decoders of compressed pixels."""


class Plane(NamedTuple):
    """One slice's pixels.

    Attributes:
        pixels: `(columns, rows)` in real values, or `(columns, rows, 3)` uint8.
        n_padded: how many of them were padding and are air now.
    """

    pixels: NDArray[Any]
    n_padded: int = 0


def read_plane(header: Slice, codecs: CodecProcess) -> Plane:
    """Read a slice's pixels; compressed ones are decoded by a process of their own.

    Raises:
        InputError: E101 for damaged files, E103 for a rescale that makes no sense, E123 for pixels that are not supported.
        ResourceError: E404 where the decoder of compressed pixels is not installed.
    """
    with guarded(header.name):
        dataset = read_whole(header.path, header.name)
        kind = _check_supported(header, dataset)
        pixels = _decode(header, dataset, codecs)
        padding = _padding_range(dataset)
    expected = (int(dataset.Rows), int(dataset.Columns), *((3,) if kind == "RGB" else ()))
    if pixels.shape != expected:
        raise InputError(
            "E101", f"{header.name} has pixels of shape {pixels.shape}", f"{expected}", "Export it again."
        )
    if kind == "RGB":
        return Plane(np.swapaxes(pixels, 0, 1))
    slope = float(header.numbers("RescaleSlope", default=1)[0])
    intercept = float(header.numbers("RescaleIntercept", default=0)[0])
    if slope == 0:
        raise InputError("E103", f"{header.name} has RescaleSlope 0", "another number", "Export it again.")
    values = _rescale(header, pixels.T, slope, intercept)
    if padding is None or header.text("Modality") != "CT":
        return Plane(values)
    return _replace_padding(values, pixels.T, padding, slope, intercept)


def read_frames(header: Slice, n_frames: int) -> NDArray[Any]:
    """Read the planes of a grey multi-frame object as they are stored, `(frames, rows, columns)`.

    Raises:
        InputError: E101 for damaged files, E123 for pixels that are not supported.
        ResourceError: E404 where the decoder of compressed pixels is not installed.
    """
    with guarded(header.name):
        dataset = read_whole(header.path, header.name)
        kind = _check_supported(header, dataset)
        with CodecProcess() as codecs:
            pixels = _decode(header, dataset, codecs)
    expected = (n_frames, int(dataset.Rows), int(dataset.Columns))
    if kind != "MONOCHROME2" or pixels.size != np.prod(expected):
        raise InputError(
            "E101", f"{header.name} has pixels of shape {pixels.shape}", f"{expected}", "Export it again."
        )
    return pixels.reshape(expected)


def has_same_pixels(first: Slice, second: Slice) -> bool:
    """Return whether two files hold the same pixels, stored in the same way."""
    with guarded(first.name):
        pixels, others_pixels = (pydicom.dcmread(path).get("PixelData") for path in (first.path, second.path))
        return bool(pixels == others_pixels)


def _replace_padding(
    values: NDArray[Any], stored: NDArray[Any], padding: tuple[int, int], slope: float, intercept: float
) -> Plane:
    """Return CT with air where its header says that pixels lie outside the image."""
    low, high = padding
    ends = sorted((low * slope + intercept, high * slope + intercept))
    least, most = _PLAUSIBLE_HU
    if ends[1] >= least and ends[0] <= most:
        return Plane(values)
    outside = (stored >= low) & (stored <= high)
    if ends[1] < least:  # lossy compression spreads the padding; nothing else is below air
        outside |= values < least
    count = int(np.count_nonzero(outside))
    air = values.dtype.type(max(AIR_HU, np.iinfo(values.dtype).min) if values.dtype.kind in "iu" else AIR_HU)
    return Plane(np.where(outside, air, values) if count else values, count)


def _padding_range(dataset: pydicom.Dataset) -> tuple[int, int] | None:
    """Return the lowest and highest stored number that is padding; None where the header names none."""
    value, limit = dataset.get("PixelPaddingValue"), dataset.get("PixelPaddingRangeLimit")
    if not isinstance(value, int):
        return None
    signed = int(dataset.get("PixelRepresentation", 0)) == 1
    bits = int(dataset.BitsAllocated)
    low, high = sorted(
        number - 2**bits if signed and number >= 2 ** (bits - 1) else number
        for number in (value, limit if isinstance(limit, int) else value)
    )
    return low, high


def _check_supported(header: Slice, dataset: pydicom.Dataset) -> str:
    """Return MONOCHROME2 or RGB; everything else is refused with its reason."""
    kind = str(dataset.get("PhotometricInterpretation"))
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    reasons = {
        f"PhotometricInterpretation {kind if kind in _KINDS else 'of no known kind'}": kind
        not in ("MONOCHROME2", "RGB"),
        "no PixelData": "PixelData" not in dataset,
        "a modality lookup table": "ModalityLUTSequence" in dataset,
        "a BitsAllocated that is not supported": allocated not in ((8,) if kind == "RGB" else (8, 16, 32)),
        "a HighBit that does not fit its BitsStored": int(dataset.HighBit) != stored - 1
        or stored > allocated,
    }
    for reason, holds in reasons.items():
        if holds:
            raise InputError(
                "E101" if reason == "no PixelData" else "E123",
                f"{header.name} has {reason}",
                "MONOCHROME2 or 8-bit RGB pixels with a linear rescale",
                "Export or convert the series.",
            )
    return kind


def _decode(header: Slice, dataset: pydicom.Dataset, codecs: CodecProcess) -> NDArray[Any]:
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_compressed:
        _refuse_no_decoder(header, syntax)
        return codecs.decode(header)
    _check_length(header, dataset)
    return np.asarray(dataset.pixel_array)


def _refuse_no_decoder(header: Slice, syntax: pydicom.uid.UID) -> None:
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise InputError(
            "E123",
            f"{header.name} has pixels compressed as {_show_syntax(syntax)}",
            "JPEG, JPEG-LS, JPEG 2000, RLE or none",
            "Export the series without compression.",
        ) from None
    if not decoder.is_available:
        raise ResourceError(
            "E404",
            f"{header.name} has pixels compressed as {_show_syntax(syntax)}",
            "its decoder",
            f"Install it: {CODECS}",
        )


def _show_syntax(syntax: pydicom.uid.UID) -> str:
    """Return the name of a transfer syntax; of one without a name, that it has none."""
    return "no known TransferSyntaxUID says" if syntax.name == str(syntax) else syntax.name


def _check_length(header: Slice, dataset: pydicom.Dataset) -> None:
    """Refuse pixels of another length; an odd end and zeros behind the last pixel are no fault."""
    samples = int(dataset.get("SamplesPerPixel", 1)) * int(dataset.get("NumberOfFrames") or 1)
    n_bytes = int(dataset.Rows) * int(dataset.Columns) * samples * int(dataset.BitsAllocated) // 8
    present = len(dataset.PixelData)
    if present < n_bytes or dataset.PixelData[n_bytes + n_bytes % 2 :].strip(b"\0"):
        raise InputError(
            "E101",
            f"{header.name} has {present} bytes of pixels",
            f"{n_bytes + n_bytes % 2} as its header declares",
            "Copy or export it again.",
        )
    if present > n_bytes:
        dataset.PixelData = dataset.PixelData[:n_bytes] + b"\0" * (n_bytes % 2)


def _rescale(header: Slice, pixels: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """Apply the rescale once: whole numbers stay whole, in the type that their bits need; else float32."""
    if (slope, intercept) == (1.0, 0.0):
        return to_storable(pixels, header.name)
    is_whole = slope == int(slope) and intercept == int(intercept)
    if not is_whole or 2**32 * abs(slope) + abs(intercept) > _LARGEST:
        return to_real(pixels[:, :, None], header.name, "refuse", slope=slope, intercept=intercept)[:, :, 0]
    wide = pixels.astype(np.int64) * int(slope) + int(intercept)
    narrow = wide.astype(np.int16)
    return (
        narrow
        if _fits_16(header, int(slope), int(intercept)) and np.array_equal(narrow, wide)
        else to_storable(wide, header.name)
    )


def _fits_16(header: Slice, slope: int, intercept: int) -> bool:
    """Tell by the declared bits, so that all slices of a series come out in one type."""
    bits, is_signed = int(header.dataset.BitsStored), bool(header.dataset.PixelRepresentation)
    ends = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if is_signed else (0, 2**bits - 1)
    return all(-(2**15) <= end * slope + intercept < 2**15 for end in ends)
