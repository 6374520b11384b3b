"""Pace: parts of a training's time, from seconds of each."""

from __future__ import annotations

import pytest

from transmodal.training.forecast.pace import FeaturePace, Pace, StepPace
from transmodal.training.planning.workload import PhaseLoad, Workload

WORK = Workload(
    cases=10,
    validation=2,
    windows=400,
    windows_per_epoch=400,
    batch=4,
    steps_per_epoch=100,
    phases=(PhaseLoad("cnn", 3, 300, 0, 3), PhaseLoad("whole", 2, 200, 2, 2)),
)
PACE = Pace(
    start=4.0,
    opening=0.5,
    steps={"cnn": StepPace(0.1, 2.0, 50), "whole": StepPace(0.2, 1.0, 25)},
    validation=3.0,
    drawing=0.25,
    save_last=1.5,
    save_best=0.5,
    features=FeaturePace(0.01, 400, 1000),
)


def test_parts_add_up() -> None:
    assert PACE.parts(WORK) == pytest.approx(
        {
            "start": 4 + 10 * 0.5,
            "features": 4,
            "steps": 2 + 300 * 0.1 + 1 + 200 * 0.2,
            "validation": 2 * 2 * 3 + 2 * 0.25,
            "saving": 6 * 1.5 + 2 * 0.5,
        }
    )
    assert PACE.to_json(WORK)["seconds"] == pytest.approx(108.5)


def test_the_line_names_every_phase() -> None:
    assert PACE.line(WORK) == (
        "time: about 108 s: start 9.0 s, features 4.0 s, steps 73 s, validation 12 s, saving 10 s "
        "(0.1 s per step of cnn, 50 timed; 0.2 s per step of whole, 25 timed)"
    )
    alone = PACE._replace(steps={"train": StepPace(0.1, 0.0, 7)}, features=FeaturePace(0.0, 0, 0))
    work = WORK._replace(phases=(PhaseLoad("train", 3, 300, 2, 3),))
    line = alone.line(work)
    assert line.endswith("(0.1 s per step, 7 timed)")
    assert "features" not in line
