"""One process of a training: how errors end it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from transmodal.cohorts.store import Cohort
from transmodal.errors import ResourceError
from transmodal.recipes.schema import Recipe
from transmodal.training import loop
from transmodal.training.train import train

Tiny = Callable[..., Recipe]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_memory_that_runs_out_names_the_remedy(
    tiny: Tiny, cohort: Cohort, run_folder: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*_: Any, **__: Any) -> None:  # noqa: ANN401
        raise error

    monkeypatch.setattr(loop, "step", fail)
    with pytest.raises(ResourceError, match="4 windows per step") as caught:
        train(tiny(), cohort, run_folder)
    assert caught.value.code == "E402"
    assert "training.batch=2" in caught.value.remedy


def test_another_error_is_let_through(
    tiny: Tiny, cohort: Cohort, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:  # noqa: ANN401
        raise RuntimeError("a bug")

    monkeypatch.setattr(loop, "step", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        train(tiny(), cohort, run_folder)
