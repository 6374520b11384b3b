"""An evaluation's task, and a translator that is off by a constant."""

from __future__ import annotations

from typing import Any

import numpy as np

from transmodal.evaluation.task import EvaluationTask
from transmodal.volumes import Volume

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
