"""Bytes of image files: gzip streams of several members, some of which are empty."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from transmodal.errors import InputError
from transmodal.storage import streams

CONTENT = bytes(range(256)) * 40
EMPTY = gzip.compress(b"")


@pytest.mark.parametrize(
    "stream",
    [
        EMPTY + gzip.compress(CONTENT),
        EMPTY + EMPTY + gzip.compress(CONTENT) + EMPTY,
        gzip.compress(CONTENT[:100]) + EMPTY + gzip.compress(CONTENT[100:]),
    ],
)
def test_empty_members_are_part_of_a_whole_stream(stream: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(stream)
    blocks = streams.blocks(path, gzipped=True)
    start = streams.head(blocks, 300)
    assert len(start) >= 300
    assert streams.gather("a.gz", start, blocks, len(CONTENT)).tobytes() == CONTENT
    path.write_bytes(stream[:-3])
    with pytest.raises(InputError) as caught:
        list(streams.blocks(path, gzipped=True))
    assert caught.value.code == "E101"
