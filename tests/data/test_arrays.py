"""Arrays of one window: mapped, masked and cut as in the whole volume."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from transmodal.data.arrays import WindowArrays, open_case
from transmodal.data.stream import Stream
from transmodal.volumes.windows.cut import Cutting, Window, cut


def arrays_of(stream: Stream, window: Window) -> WindowArrays:
    case = stream.cases[0]
    return WindowArrays(stream, case, open_case(stream, case.case), window)


@pytest.mark.parametrize(
    ("cutting", "window"),
    [
        (Cutting("slice", size=(12, 12)), Window(2, (0, 0, 7))),
        (Cutting("slab", size=(12, 12), depth=3), Window(0, (0, 0, 0))),
        (Cutting("patch", size=(4, 5, 6)), Window(-1, (-1, 8, 3))),
    ],
)
def test_a_window_is_what_the_mapped_volume_has_there(
    stream: Stream, cutting: Cutting, window: Window
) -> None:
    stream = replace(stream, cutting=cutting)
    case = stream.cases[0]
    arrays = arrays_of(stream, window)
    for name, source, source_map in zip(stream.sources, arrays.sources(), case.source_maps, strict=True):
        assert source_map is not None
        whole = source_map.apply(case.case.volume(name, None).voxels)
        np.testing.assert_array_equal(source, cut(whole, window, cutting, fill=-1.0))
    assert case.target_map is not None
    target = case.target_map.apply(case.case.volume("fa", None).voxels)
    np.testing.assert_array_equal(arrays.target(), cut(target, window, cutting.centre(), fill=-1.0))
    mask = arrays.mask()
    assert mask is not None
    assert mask.dtype == bool
    np.testing.assert_array_equal(
        mask,
        cut(case.case.mask(None), window, cutting.centre(), fill=0, labels=True),  # type: ignore[arg-type]
    )


def test_what_is_not_needed_or_not_there_is_not_read(stream: Stream) -> None:
    window = Window(2, (0, 0, 3))
    plain = replace(stream, needs=frozenset({"target"}), sources=("t1", "flair"))
    arrays = arrays_of(plain, window)
    assert arrays.mask() is None
    assert arrays.segmentation() is None
    assert arrays.sources()[1] is None
