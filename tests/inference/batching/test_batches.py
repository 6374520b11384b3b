"""Batches that do not fit into memory are halved; the volume is the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from transmodal.errors import InputError
from transmodal.inference.batching.batches import BatchSize, infer_in_batches
from transmodal.volumes.windows.cut import Window

WINDOWS = [Window(2, (0, 0, k)) for k in range(11)]


def roomy_for(most: int, sizes: list[int]) -> Any:  # noqa: ANN401
    def infer(batch: Sequence[Window]) -> NDArray[np.float32]:
        sizes.append(len(batch))
        if len(batch) > most:
            torch.empty(1 << 60)
        return np.array([[window.start[2]] for window in batch], np.float32)

    return infer


@pytest.mark.parametrize(
    ("most", "sizes"),
    [(8, [8, 3]), (3, [8, 4, 2, 2, 2, 2, 2, 1]), (1, [8, 4, 2, *[1] * 11])],
)
def test_batches_are_halved_until_they_fit_and_stay_small(most: int, sizes: list[int]) -> None:
    tried: list[int] = []
    limit = BatchSize(8)
    pairs = list(infer_in_batches(WINDOWS, roomy_for(most, tried), limit))
    assert tried == sizes
    assert [window for batch, _ in pairs for window in batch] == WINDOWS
    assert np.concatenate([values for _, values in pairs]).ravel().tolist() == list(range(11))
    assert limit.is_lowered is (most < 8)
    assert limit.size <= max(most, 1)


def test_a_window_that_does_not_fit_and_other_errors_are_raised() -> None:
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        list(infer_in_batches(WINDOWS, roomy_for(0, []), BatchSize(8)))

    def refuse(_: Sequence[Window]) -> NDArray[np.float32]:
        raise InputError("E120", "a", "b", "c")

    limit = BatchSize(8)
    with pytest.raises(InputError):
        list(infer_in_batches(WINDOWS, refuse, limit))
    assert not limit.is_lowered
