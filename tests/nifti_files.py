"""NIfTI files for tests, whose raw header says something else than nibabel would write."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

Change = Callable[[Any], None]


def saved(path: Path, change: Change, voxels: np.ndarray | None = None) -> Path:
    """Write a plain image whose raw header was changed."""
    data = np.arange(60, dtype=np.int16).reshape(3, 4, 5) if voxels is None else voxels
    image = nib.Nifti1Image(data, np.diag([2.0, 2.0, 2.0, 1.0]))
    image.header.set_sform(image.affine, 1)
    image.header.set_qform(image.affine, 1)
    raw = bytearray(image.to_bytes())
    header = nib.Nifti1Header(bytes(raw[:348]), check=False)
    change(header)
    raw[:348] = header.binaryblock
    path.write_bytes(gzip.compress(bytes(raw)) if path.name.endswith(".gz") else bytes(raw))
    return path


def setter(key: str, value: object, index: int | None = None) -> Change:
    def change(header: Any) -> None:  # noqa: ANN401
        if index is None:
            header[key] = value
        else:
            array = header[key].copy()
            array[index] = value
            header[key] = array

    return change


def disagreeing(header: Any) -> None:  # noqa: ANN401
    header["srow_x"] = [-1, 0, 0, 0]


def unplaced(header: Any) -> None:  # noqa: ANN401
    header["sform_code"] = 0
    header["qform_code"] = 0
