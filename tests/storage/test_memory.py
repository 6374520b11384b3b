"""Memory that ran out: every library's way to say so is one error."""

from __future__ import annotations

import errno

import numpy as np
import pytest
import torch

from transmodal.errors import InputError, ResourceError
from transmodal.storage import memory


def numpy_error() -> BaseException:
    with pytest.raises(MemoryError) as caught:
        np.empty(1 << 60, np.uint8)
    return caught.value


def torch_error(*shape: int) -> BaseException:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(*shape)
    return caught.value


SHORTAGES = {
    "python": MemoryError(),
    "numpy": numpy_error(),
    "torch": torch_error(1 << 60),
    "torch, beyond what can be counted": torch_error(1 << 40, 1 << 40),
    "a card": torch.OutOfMemoryError("CUDA out of memory"),
    "the system": OSError(errno.ENOMEM, "Cannot allocate memory"),
    "ITK": RuntimeError("Failed to allocate memory for image."),
    "what was converted before": ResourceError("E402", "a", "b", "c"),
}


@pytest.mark.parametrize("error", SHORTAGES.values(), ids=SHORTAGES)
def test_shortages_are_known(error: BaseException) -> None:
    assert memory.is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("oh"),
        ValueError("can allocate memory"),
        OSError(errno.ENOSPC, "No space"),
        KeyError("out of memory"),
        InputError("E101", "a file that says: out of memory", "b", "c"),
    ],
)
def test_other_errors_are_no_shortage(error: BaseException) -> None:
    assert not memory.is_out_of_memory(error)
    with pytest.raises(type(error)) as caught, memory.guarded("something was done", "Do less."):
        raise error
    assert caught.value is error


def test_a_guarded_function_says_what_was_under_way_and_what_helps() -> None:
    @memory.guarded("a cake was baked", "Bake a smaller one.")
    def bake() -> None:
        torch.empty(1 << 60)

    with pytest.raises(ResourceError) as caught:
        bake()
    assert caught.value.line() == (
        "error[E402]: memory ran out while a cake was baked; expected memory that suffices. Bake a smaller one."
    )
    assert caught.value.exit_status == 4
