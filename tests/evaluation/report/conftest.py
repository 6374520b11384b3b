"""An evaluation of two models and two oracles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.task import EvaluationTask
from transmodal.volumes import Volume

Make = Callable[..., Any]


SUBJECT = EvaluationTask(
    ("t1",), "fa", 1.0, "atlas", "d" * 64, "test", 16, ("fa",), ("One anatomy, warped.",)
)


class Shifted:
    """Gives the target plus a constant."""

    def __init__(self, name: str, by: float, target: str = "fa") -> None:
        self.name = name
        self._by = by
        self._target = target

    def translate_case(self, case: Any) -> Volume:  # noqa: ANN401  # fakes stand in for prepared cases
        target: Volume = case.volume(self._target)
        return target.with_voxels(target.voxels.astype(np.float32) + np.float32(self._by))


@pytest.fixture
def evaluation(make_case: Make, tmp_path: Path) -> Evaluation:
    (tmp_path / "curves.csv").write_text("step,phase,epoch,name,value\n1,train,1,l1,0.5\n2,train,1,l1,0.4\n")
    entrants = Participants(
        [Shifted("unet", 0.01), Shifted("pix2pix", 0.03)],
        [Shifted("mean_target", 0.1), Shifted("lookup", 0.02)],
        {"unet": {"seed": 2024, "cohort": {"name": "atlas", "digest": "d" * 64}, "source": ["t1"]}},
        {"unet": tmp_path / "curves.csv"},
    )
    return evaluate_cases(entrants, [make_case(n) for n in range(3)], SUBJECT)
