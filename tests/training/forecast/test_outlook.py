"""Outlook: the pace of a training's own steps, once enough of them are warm."""

from __future__ import annotations

from transmodal.training.forecast.outlook import TIMED_STEPS, WARM_STEPS, Outlook


def test_the_pace_is_told_once_by_steps_that_are_warm() -> None:
    outlook = Outlook(first=100)
    told = [outlook.note(100 + n, 5.0 * min(n, WARM_STEPS) + 0.5 * n) for n in range(1, 40)]
    assert [n for n, is_new in enumerate(told, start=1) if is_new] == [WARM_STEPS + TIMED_STEPS]
    assert outlook.per_step == 0.5


def test_readings_may_be_far_apart() -> None:
    """On an accelerator losses are read after tens of steps."""
    outlook = Outlook()
    assert [outlook.note(step, step / 4) for step in (50, 100, 150)] == [False, True, False]
    assert outlook.per_step == 0.25
    assert not Outlook().note(1)
