"""Checkpoints of a session: none holds weights that are not finite."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError
from transmodal.recipes.schema import Recipe
from transmodal.training import loop
from transmodal.training.train import train

Tiny = Callable[..., Recipe]


def test_weights_that_are_not_finite_are_not_saved(
    tiny: Tiny, cohort: Cohort, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = loop.step

    def poison(fabric: Any, translator: nn.Module, *words: Any, **named: Any) -> Any:  # noqa: ANN401
        terms = real(fabric, translator, *words, **named)  # type: ignore[arg-type]  # passed on
        with torch.no_grad():
            next(translator.parameters()).fill_(float("nan"))
        return terms

    monkeypatch.setattr(loop, "step", poison)
    with pytest.raises(InputError, match="is not finite after step 1") as caught:
        train(tiny(checkpoint_minutes=0), cohort, run_folder)
    assert caught.value.code == "E120"
    assert not (run_folder / "checkpoints" / "last").exists()
