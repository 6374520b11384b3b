from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from transmodal.inference.preprocessing import Preprocessing
from transmodal.volumes.intensity import IntensitySpec, fit
from transmodal.volumes.windows.cut import Cutting

EARLIER = Path(__file__).parent.parent / "contract" / "earlier"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of a cohort, a run and an evaluation of version 0.1.0, which is the working directory."""
    copy = tmp_path / "earlier"
    shutil.copytree(EARLIER, copy)
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture
def preprocessing() -> Callable[..., Preprocessing]:
    """Return a function that makes the preprocessing of a run from its sources."""

    def make(*sources: str, accepts_missing: bool = False) -> Preprocessing:
        spec = IntensitySpec("window", 0, 1)
        target_map = fit(spec, np.linspace(0, 1, 27).reshape(3, 3, 3))
        return Preprocessing(
            sources,
            "fa",
            None,
            "whole",
            dict.fromkeys(sources, spec),
            Cutting("slice"),
            (2,),
            "mean",
            4,
            target_map,
            accepts_missing,
        )

    return make
