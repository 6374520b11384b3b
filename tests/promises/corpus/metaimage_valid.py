"""MetaImage files that are whole and say one thing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from promises.corpus.metaimage_files import AFFINE, COMPRESSED, DATA, DEFLATED, TRUTH, header, mha, pair
from promises.corpus.nifti_files import VOXELS
from promises.entries import Entry, Image, Write, put, valid


def entries() -> Iterator[Entry]:
    """Yield the entries."""
    yield from valid("metaimage", _valid())


def _valid() -> dict[str, tuple[Write, Image]]:
    big = VOXELS.astype(">i2").tobytes(order="F")
    colours = np.random.default_rng(6).integers(0, 255, (5, 6, 7, 3)).astype(np.uint8)
    interleaved = np.moveaxis(colours, -1, 0).tobytes(order="F")
    floats = VOXELS.astype(np.float32) / 3
    turned = AFFINE.copy()
    turned[:3, :3] = (
        np.diag([-1.0, -1, 1]) @ np.array([[0.6, 0.8, 0], [-0.8, 0.6, 0], [0, 0, 1]]).T * (1, 1.5, 2)
    )
    rgb = {"ElementType": "MET_UCHAR", "ElementNumberOfChannels": "3"}
    return {
        "in one file.mha": (mha(), TRUTH),
        "in two files.mhd": (pair(), TRUTH),
        "compressed.mha": (mha(COMPRESSED, DEFLATED), TRUTH),
        "compressed.mhd": (pair(COMPRESSED, DEFLATED, "a.zraw"), TRUTH),
        "compressed, of no declared size.mha": (mha({**COMPRESSED, "CompressedDataSize": None}, DEFLATED), TRUTH),
        "big-endian.mha": (mha({"BinaryDataByteOrderMSB": "True"}, big), TRUTH),
        "voxels last.mhd": (pair({"HeaderSize": "-1"}, b"any header" + DATA), TRUTH),
        "colour.mha": (mha(rgb, interleaved), Image(colours, AFFINE)),
        "floats.mhd": (pair({"ElementType": "MET_FLOAT"}, floats.tobytes(order="F")), Image(floats, AFFINE)),
        "turned.mha": (mha({"TransformMatrix": "0.6 0.8 0 -0.8 0.6 0 0 0 1"}), Image(VOXELS, turned)),
        "other words for its place.mha": (
            mha({"Offset": None, "TransformMatrix": None, "Position": "1 2 3", "Orientation": "1 0 0 0 1 0 0 0 1"}),
            TRUTH,
        ),
        "lines of Windows.mha": (put("a.mha", header().replace(b"\n", b"\r\n") + DATA), TRUTH),
        "capital letters.MHA": (put("A.MHA", header() + DATA), TRUTH),
        "comments of its own.mha": (mha({"Comment": "M\u00fcller", "AnatomicalOrientation": "RAI"}), TRUTH),
    }  # fmt: skip
