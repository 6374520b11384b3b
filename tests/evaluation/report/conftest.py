"""An evaluation of two models and two oracles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shifted_targets import SUBJECT, Shifted
from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.result import Evaluation

Make = Callable[..., Any]


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
