"""Compressed strips are counted to the byte, by the codes alone, as long as the table of LZW goes round and round."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from transmodal.volumes.formats import tiff_strips

NOISE = np.random.default_rng(1).integers(0, 255, (257, 301)).astype(np.uint8)
SMOOTH = (np.add.outer(np.arange(257), np.arange(301)) // 9).astype(np.uint8)


@pytest.mark.parametrize("pixels", [NOISE, SMOOTH, NOISE * 0], ids=["noise", "smooth", "one value"])
@pytest.mark.parametrize("packing", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("height", [257, 10])
def test_strips_give_as_many_bytes_as_their_rows(
    packing: str, height: int, pixels: NDArray[np.uint8]
) -> None:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "TIFF", compression=packing, tiffinfo={278: height})
    tags = Image.open(stream).tag_v2
    counts = []
    for place, size in zip(tags[273], tags[279], strict=True):
        strip = stream.getvalue()[place : place + size]
        counts.append(tiff_strips.count_bytes(tags[259], strip, 1 << 30))
        assert tiff_strips.count_bytes(tags[259], strip, counts[-1] - 1) > counts[-1] - 1
    assert sum(counts) == pixels.size
    assert len(counts) == -(-257 // height)


def test_other_compressions_are_not_counted() -> None:
    assert tiff_strips.count_bytes(7, b"", 9) is None
