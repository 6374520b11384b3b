"""The NIfTI file from which faulty and valid ones are made, and how its bytes are changed."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from promises.entries import Image, Write, put

Change = Callable[[Any], None]
VOXELS = (np.arange(210, dtype=np.int16).reshape(5, 6, 7) * 37) % 1999 - 500
_TURN = np.deg2rad(12.0)
AFFINE = np.array(
    [
        [0.9 * np.cos(_TURN), -1.1 * np.sin(_TURN), 0, -10.0],
        [0.9 * np.sin(_TURN), 1.1 * np.cos(_TURN), 0, 4.5],
        [0, 0, 3.0, 33.0],
        [0, 0, 0, 1],
    ]
)
TRUTH = Image(VOXELS, AFFINE)


def build(
    change: Change | None = None,
    voxels: NDArray[Any] = VOXELS,
    affine: NDArray[np.float64] = AFFINE,
    kind: type = nib.Nifti1Image,
) -> bytes:
    """Return an uncompressed file whose raw header was changed; sform and qform say the same before."""
    image = kind(voxels, affine, dtype=voxels.dtype)
    image.header.set_sform(affine, 1)
    image.header.set_qform(affine, 1)
    raw = bytearray(image.to_bytes())
    if change is not None:
        size = image.header.sizeof_hdr
        header = type(image.header)(bytes(raw[:size]), check=False)
        change(header)
        raw[:size] = header.binaryblock
    return bytes(raw)


def pack(content: bytes) -> bytes:
    """Return content as gzip, the same at every hour."""
    return gzip.compress(content, mtime=0)


def both(name: str, content: bytes) -> dict[str, Write]:
    """Return writers of a file as it is and gzipped."""
    return {f"{name}.nii": put("a.nii", content), f"{name}.nii.gz": put("a.nii.gz", pack(content))}


def setting(**fields: object) -> Change:
    """Return a change of header fields; a dictionary sets single places of one."""

    def change(header: Any) -> None:  # noqa: ANN401 - nibabel's
        for key, value in fields.items():
            if isinstance(value, dict):
                places = header[key].copy()
                for index, number in value.items():
                    places[index] = number
                header[key] = places
            else:
                header[key] = value

    return change
