"""The program of OpenVINO's process, by what it reads and writes; what it computes is held to torch in test_graph."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.inference.engines import _openvino_child as child


def fail(error: Exception) -> child.Run:
    def run(_: NDArray[np.float32]) -> NDArray[np.float32]:
        raise error

    return run


def test_windows_come_in_and_go_out_as_they_are() -> None:
    source = np.arange(24, dtype=np.float32).reshape(2, 1, 3, 4)
    windows = child._read_windows(b"2,1,3,4\n", BytesIO(source.tobytes()))
    np.testing.assert_array_equal(windows, source)
    answers = BytesIO()
    child._answer(lambda x: -x[:1], windows, answers)
    assert answers.getvalue() == b"1,1,3,4\n" + (-source[:1]).tobytes()


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (ValueError("of\nmany lines"), b"ValueError"),
        (MemoryError(), b"MemoryError"),
        (RuntimeError("std::bad_alloc"), b"MemoryError"),
    ],
)
def test_an_error_is_one_word(error: Exception, word: bytes) -> None:
    answers = BytesIO()
    child._answer(fail(error), np.zeros((1, 1, 2, 2), np.float32), answers)
    assert answers.getvalue() == b"error " + word + b"\n"
