"""Workload: the counts that a training then has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from transmodal.cohorts.store import Cohort
from transmodal.recipes.schema import Recipe
from transmodal.training.planning.plan import plan
from transmodal.training.planning.start import check_start
from transmodal.training.planning.workload import count_steps
from transmodal.training.train import train

Tiny = Callable[..., Recipe]


@pytest.mark.parametrize(("every", "validations"), [(1, 3), (2, 2), (3, 1), (5, 1)])
def test_the_last_epoch_is_always_validated(tiny: Tiny, cohort: Cohort, every: int, validations: int) -> None:
    work = check_start(plan(tiny(epochs=3, validate_every=every), cohort))
    assert (work.cases, work.validation, work.epochs, work.steps) == (3, 2, 3, 3 * work.steps_per_epoch)
    assert (work.validations, work.translations, work.saves) == (
        validations,
        2 * validations,
        validations + 1,
    )


def test_counts_are_those_of_the_training(tiny: Tiny, cohort: Cohort, run_folder: Path) -> None:
    recipe = tiny(epochs=2, samples_per_epoch=10)
    work = check_start(plan(recipe, cohort))
    assert train(recipe, cohort, run_folder).steps == work.steps == 2 * 2
    assert (work.windows_per_epoch, work.batch) == (8, 4)
    assert len(list((run_folder / "samples").iterdir())) == work.validations == 2
    assert work.line() == (
        f"training: 3 cases, {work.windows} windows; 8 windows in 2 steps of 4 per epoch, 2 epochs: 4 steps; "
        "2 validation cases, 2 times: 4 volumes to translate"
    )
    assert work.to_json()["volumes_to_translate"] == 4


def test_without_validation_cases_nothing_is_translated(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., object]
) -> None:
    blind = make_cohort([phantom(n) for n in range(2)], (1, 0, 1))
    work = check_start(plan(tiny(), blind))
    assert work.translations == 0
    assert work.line().endswith("nothing is validated")


def test_an_epoch_has_a_step_at_least(tiny: Tiny) -> None:
    assert count_steps(tiny(samples_per_epoch=3).training, 1000) == 1
    assert count_steps(tiny().training, 11) == 2
