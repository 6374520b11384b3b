"""The MetaImage from which faulty and valid ones are made, in one file or in two."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from promises.corpus.nifti_files import VOXELS
from promises.entries import Image, Write, put

FIELDS = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "BinaryDataByteOrderMSB": "False",
    "CompressedData": "False",
    "TransformMatrix": "1 0 0 0 1 0 0 0 1",
    "Offset": "1 2 3",
    "CenterOfRotation": "0 0 0",
    "ElementSpacing": "1 1.5 2",
    "DimSize": "5 6 7",
    "ElementType": "MET_SHORT",
    "ElementDataFile": "LOCAL",
}
AFFINE = np.diag([-1.0, -1.5, 2.0, 1.0])
AFFINE[:3, 3] = (-1, -2, 3)
TRUTH = Image(VOXELS, AFFINE)
DATA = VOXELS.tobytes(order="F")
DEFLATED = zlib.compress(DATA)
COMPRESSED = {"CompressedData": "True", "CompressedDataSize": str(len(DEFLATED))}


def header(changes: Mapping[str, str | None] | None = None) -> bytes:
    """Return a header with fields changed; None leaves a field out; new ones come before the last."""
    fields: dict[str, str | None] = {**FIELDS, **(changes or {})}
    last = fields.pop("ElementDataFile")
    lines = [f"{key} = {value}" for key, value in fields.items() if value is not None]
    return "\n".join([*lines, *([] if last is None else [f"ElementDataFile = {last}"]), ""]).encode()


def mha(changes: Mapping[str, str | None] | None = None, data: bytes = DATA) -> Write:
    """Return a writer of header and voxels in one file."""
    return put("a.mha", header(changes) + data)


def pair(
    changes: Mapping[str, str | None] | None = None, data: bytes | None = DATA, name: str = "a.raw"
) -> Write:
    """Return a writer of a header and its voxels beside it."""

    def write(folder: Path) -> Path:
        (folder / "a.mhd").write_bytes(header({"ElementDataFile": name, **(changes or {})}))
        if data is not None:
            (folder / name).write_bytes(data)
        return folder / "a.mhd"

    return write
