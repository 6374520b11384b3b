"""A logger whose package is missing is refused before training writes anything."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from transmodal.cohorts.store import Cohort
from transmodal.errors import ResourceError
from transmodal.recipes.schema import Recipe
from transmodal.training.loggers import packages
from transmodal.training.train import train


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_a_missing_package_is_refused_with_its_extra(
    cohort: Cohort,
    tiny: Callable[..., Recipe],
    run_folder: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        packages.importlib.util, "find_spec", lambda module: None if module == name else find_spec(module)
    )
    with pytest.raises(ResourceError, match=name) as refused:
        train(tiny(loggers=["tensorboard", name]), cohort, run_folder)
    assert refused.value.code == "E404"
    assert f"pip install 'transmodal[{name}]'" in refused.value.remedy
    assert not run_folder.exists()


def test_tensorboard_is_always_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda module: None)
    packages.check(["tensorboard"])
