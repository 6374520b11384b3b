"""Elements of MATLAB files are counted as they inflate, and no further than is asked for."""

from __future__ import annotations

import io

import numpy as np
import pytest
from scipy.io import savemat

from transmodal.storage import matlab

ZEROS = np.zeros((500, 400, 10))
"""16 MB, of which little is left when they are compressed."""


def saved(*, is_compressed: bool) -> bytes:
    stream = io.BytesIO()
    savemat(stream, {"a": ZEROS, "b": np.arange(5)}, do_compression=is_compressed)
    return stream.getvalue()


def count(content: bytes, most: int = 1 << 30) -> int:
    return matlab.count_bytes(io.BytesIO(content), most)


def test_a_compressed_file_counts_as_the_plain_one() -> None:
    plain, compressed = saved(is_compressed=False), saved(is_compressed=True)
    assert count(plain) == len(plain)
    assert len(compressed) < len(plain) / 100
    assert abs(count(compressed) - len(plain)) < 64


def test_no_more_is_inflated_than_is_asked_for() -> None:
    compressed = saved(is_compressed=True)
    assert 1 << 20 < count(compressed, 1 << 20) < 3 << 20


@pytest.mark.parametrize("n_bytes", [0, 60, 128, 131, 300])
def test_what_is_cut_counts_as_far_as_it_goes(n_bytes: int) -> None:
    assert n_bytes <= max(count(saved(is_compressed=False)[:n_bytes]), n_bytes) <= n_bytes + 8
    assert count(saved(is_compressed=True)[:n_bytes]) >= min(n_bytes, 128)


def test_what_is_no_stream_and_no_version_5_counts_as_it_is() -> None:
    compressed = bytearray(saved(is_compressed=True))
    compressed[136:140] = b"none"
    assert count(bytes(compressed)) <= len(compressed) + 16
    older = io.BytesIO()
    savemat(older, {"a": ZEROS[:, :, 0]}, format="4")
    assert count(older.getvalue()) == len(older.getvalue())
