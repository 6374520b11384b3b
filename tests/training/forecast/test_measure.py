"""Measuring: the parts that are timed, by a clock that counts what is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from transmodal.cohorts.store import Cohort
from transmodal.recipes.schema import Recipe
from transmodal.training.forecast import measure
from transmodal.training.forecast.forecast import forecast
from transmodal.training.forecast.measure import MOST_STEPS, WARM_STEPS
from transmodal.training.planning.phases import PhasePlan
from transmodal.training.session import Session
from transmodal.translators import unet_regression
from transmodal.translators.unet_regression.translator import Config, UNetRegression

Tiny = Callable[..., Recipe]


class StepClock:
    """A clock by which the n-th step takes the n-th of some seconds, and nothing else takes any."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *seconds: float) -> None:
        self.now, self.steps = 0.0, 0
        step = measure.train_step

        def counted(session: Session, phase: PhasePlan, batch: Any) -> None:  # noqa: ANN401
            step(session, phase, batch)
            self.now += seconds[min(self.steps, len(seconds) - 1)]
            self.steps += 1

        monkeypatch.setattr(measure, "train_step", counted)

    def __call__(self) -> float:
        return self.now


def test_first_steps_are_told_apart_from_the_others(
    tiny: Tiny, cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = StepClock(monkeypatch, 9.0, 1.0, 1.0, 1.0)
    told = forecast(tiny(epochs=5), cohort, seconds=4, clock=clock)
    assert told.pace is not None
    assert told.pace.steps["train"] == (1.0, 8.0, 4)
    assert clock.steps == WARM_STEPS + 4
    assert told.seconds == 8.0 + told.needs.work.steps


def test_two_steps_are_timed_however_slow_and_no_more_than_there_are(
    tiny: Tiny, cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = StepClock(monkeypatch, 60.0)
    forecast(tiny(), cohort, seconds=1, clock=slow)
    assert slow.steps == WARM_STEPS + 2
    for samples, steps in ((4, 1), (8, 2), (16, 4)):
        clock = StepClock(monkeypatch, 1.0)
        told = forecast(tiny(epochs=1, samples_per_epoch=samples), cohort, seconds=99, clock=clock)
        assert clock.steps == steps
        assert told.seconds == steps


def test_no_more_steps_than_enough(tiny: Tiny, cohort: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "MOST_STEPS", 5)
    clock = StepClock(monkeypatch, 1.0)
    forecast(tiny(epochs=99), cohort, seconds=1e9, clock=clock)
    assert clock.steps == WARM_STEPS + 5 < MOST_STEPS


class TwoPhases(UNetRegression):
    """Trains its stem first, unvalidated, then all of it."""

    phases = ("stem", "whole")
    preparatory = frozenset({"stem"})

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        return {"generator": self.generator.stem if phase == "stem" else self.generator}


def test_every_phase_is_timed(tiny: Tiny, cohort: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(config: Config) -> TwoPhases:
        return TwoPhases(config)

    monkeypatch.setattr(unet_regression, "build", build)
    clock = StepClock(monkeypatch, *[1.0] * 5, 3.0)
    told = forecast(tiny(phases={"stem": {"epochs": 1}}), cohort, seconds=1, clock=clock)
    assert told.pace is not None
    assert {name: pace.seconds for name, pace in told.pace.steps.items()} == {"stem": 1.0, "whole": 3.0}
    stem, whole = told.needs.work.phases
    assert (stem.validations, whole.validations) == (0, 2)
    assert told.seconds == stem.steps + 3 * whole.steps


def test_features_are_timed_and_none_is_written(tiny: Tiny, cohort: Cohort) -> None:
    changes = {
        "settings": {
            "width": 2,
            "levels": 3,
            "mask_hidden": 4,
            "sam": "random",
            "sam_model": "tiny",
            "sam_size": 256,
        }
    }
    for bits, n_bytes in ((16, 2), (8, 1)):
        changes["settings"]["sam_bits"] = bits
        recipe = tiny("mrnet", changes=changes, store_features=True, epochs=1, samples_per_epoch=4)
        told = forecast(recipe, cohort, seconds=0.01)
        assert told.pace is not None
        assert told.pace.features.windows == told.needs.work.windows
        assert told.pace.features.seconds > 0
        rows = 17 if bits == 8 else 16  # the packed ones have their exponents in one more
        assert told.pace.features.n_bytes == 16 * rows * 16 * n_bytes
        assert any("for the features of" in line for line in told.lines())
    assert not (Path(cohort.folder) / "features").exists()


def test_random_numbers_go_on_as_if_nothing_was_measured(tiny: Tiny, cohort: Cohort) -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    forecast(tiny(epochs=1, samples_per_epoch=4), cohort, seconds=0.01)
    assert torch.random.get_rng_state().equal(before)
