"""The place of a DICOM image's pixels in the patient: directions and distances within its plane."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError
from transmodal.volumes.formats.dicom.slice_header import Slice

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def in_plane_axes(name: str, header: Slice) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Return the directions along a row and along a column, `(2, 3)` in LPS, and the distances along them, mm.

    Args:
        name: what messages call the image.
        header: its header.

    Raises:
        InputError: E103 for directions or distances that make no sense, E111 where there are none.
    """
    axes = header.numbers("ImageOrientationPatient", 6).reshape(2, 3)
    between_rows, between_columns = (float(value) for value in header.numbers("PixelSpacing", 2))
    if np.abs(axes @ axes.T - np.eye(2)).max() > 1e-3 or min(between_rows, between_columns) <= 0:
        raise InputError(
            "E103",
            f"{name} has an ImageOrientationPatient or a PixelSpacing that makes no sense",
            "two unit vectors at right angles and spacings above 0",
            "Export it again.",
        )
    return axes, (between_columns, between_rows)
