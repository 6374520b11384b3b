"""Needs of a training, in lines and as JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from transmodal.cohorts.store import Cohort
from transmodal.recipes.schema import Recipe
from transmodal.training.planning.memory import estimate_training
from transmodal.training.planning.needs import Needs
from transmodal.training.planning.plan import plan
from transmodal.training.planning.start import check_start


def test_lines_and_json_say_the_same(cohort: Cohort, tiny: Callable[..., Recipe], tmp_path: Path) -> None:
    training_plan = plan(tiny(processes=2), cohort)
    needs = Needs(training_plan, check_start(training_plan), estimate_training(training_plan))
    lines = needs.lines(tmp_path)
    assert [line.partition(":")[0] for line in lines] == ["memory", "training", "device", "disk"]
    threads = torch.get_num_threads()
    assert lines[2] == f"device: cpu, {threads} thread{'' if threads == 1 else 's'}, 32-true, 2 processes"
    assert lines[3].endswith(" free")
    assert not needs.lines()[3].endswith(" free")
    content = needs.to_json()
    assert content["training"]["steps"] == needs.work.steps
    assert content["memory"]["peak"] == needs.memory.peak
    assert content["device"] == {
        "name": lines[2].removeprefix("device: "),
        "processes": 2,
        "precision": "32-true",
    }
    assert content["disk"]["run"] > 2 * content["disk"]["last"]
