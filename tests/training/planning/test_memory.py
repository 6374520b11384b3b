"""Memory of a training: more for wider networks and larger batches."""

from __future__ import annotations

from collections.abc import Callable

from transmodal.cohorts.store import Cohort
from transmodal.recipes.schema import Recipe
from transmodal.training.planning.memory import estimate_training
from transmodal.training.planning.plan import plan


def test_wider_networks_and_larger_batches_take_more(cohort: Cohort, tiny: Callable[..., Recipe]) -> None:
    wide = {"settings": {"width": 16, "levels": 2}}
    usual, wider = (estimate_training(plan(tiny(changes=changes), cohort)) for changes in ({}, wide))
    larger = estimate_training(plan(tiny(changes=wide, batch=16), cohort))
    assert 0 < usual.more <= wider.more < larger.more
    assert (usual.batch, larger.batch) == (4, 16)


def test_a_registration_head_takes_more(cohort: Cohort, tiny: Callable[..., Recipe]) -> None:
    wide = {"registration": {"width": 64}}
    plain, headed = (
        estimate_training(plan(tiny(batch=16, alignment=alignment), cohort)) for alignment in (None, wide)
    )
    assert headed.more > 1.3 * plain.more
