"""Pairing: which cases give sources and which give targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, TransmodalError, UsageError
from transmodal.recipes.schema import Recipe
from transmodal.training.planning.plan import plan

Tiny = Callable[..., Recipe]


def refusal(recipe: Recipe, cohort: Cohort) -> TransmodalError:
    with pytest.raises((UsageError, InputError)) as caught:
        plan(recipe, cohort)
    return caught.value


def test_a_missing_modality_is_named_with_what_there_is(tiny: Tiny, cohort: Cohort) -> None:
    error = refusal(tiny(changes={"task": {"source": ["t1"], "target": "ct"}}), cohort)

    assert error.code == "E131"
    assert "fa, t1, t2, no ct" in error.got
    assert "Prepare the cohort with ct" in error.remedy


def test_patients_without_pairs_train_what_learns_without_pairs(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any]
) -> None:
    """Cases of one modality each: sources come from some, targets from others, and nothing can be validated."""
    cases = [phantom(n, modalities=("t1",) if n % 2 else ("fa",)) for n in range(6)]
    cohort = make_cohort(cases, (6, 0, 0))
    settings = {"width": 4, "blocks": 1}
    planned = plan(tiny("cyclegan", changes={"settings": settings}), cohort)

    assert {one.case.id for one in planned.stream.cases} == {"case1", "case3", "case5"}
    assert {one.case.id for one in planned.stream.target_cases} == {"case0", "case2", "case4"}
    assert planned.validation == ()
    assert planned.preprocessing.target_map.low == 0.0  # FA's window, from cases without T1
    assert len(planned.cohort.patients) == 6
    assert refusal(tiny("pix2pix"), cohort).code == "E131"


def test_pairs_beside_patients_without(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any]
) -> None:
    """A case with both gives both, and is validated; one without either is refused by name."""
    alone = [phantom(n, modalities=("t1",)) for n in range(2)]
    cohort = make_cohort([*alone, *(phantom(n) for n in range(2, 8))], (5, 3, 0))
    whole = {case.id for case in cohort.cases() if "fa" in case.modalities}
    training = {case.id for case in cohort.cases("train")}
    planned = plan(tiny("cyclegan", changes={"settings": {"width": 4, "blocks": 1}}), cohort)

    assert {one.case.id for one in planned.stream.cases} == training
    assert {case.id for case in planned.validation} == whole - training
    assert planned.validation
    if training <= whole:
        assert planned.stream.target_cases == ()
    else:
        assert {one.case.id for one in planned.stream.target_cases} == training & whole


HALF = {"width": 4, "blocks": 1, "paired_weight": 10.0}


def test_pairs_are_told_of_the_first_patients_of_one_order(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any]
) -> None:
    """Of patients with both, as many as the recipe says; of a patient with one modality there is nothing to tell."""
    alone = [phantom(n, modalities=("t1",)) for n in range(2)]
    cohort = make_cohort([*alone, *(phantom(n) for n in range(2, 7))], (7, 0, 0))
    both = {f"case{n}" for n in range(2, 7)}
    everything = plan(tiny("cyclegan", changes={"settings": HALF}), cohort)
    assert everything.stream.unpaired
    assert everything.stream.pairs == both
    assert everything.summary()["cases"] == {"train": 7, "validation": 0, "paired": 5}
    told = [
        plan(tiny("cyclegan", changes={"settings": HALF}, paired_patients=n), cohort).stream.pairs
        for n in (1, 3, 5)
    ]
    assert [len(pairs) for pairs in told] == [1, 3, 5]
    assert told[0] < told[1] < told[2]
    without = plan(tiny("cyclegan", changes={"settings": {**HALF, "paired_weight": 0}}), cohort)
    assert without.stream.pairs == frozenset()
    assert "paired" not in without.summary()["cases"]


def test_pairs_that_cannot_be_told_are_refused_with_a_remedy(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any], cohort: Cohort
) -> None:
    few = refusal(tiny("cyclegan", changes={"settings": HALF}, paired_patients=9), cohort)
    assert (few.code, few.remedy) == ("E131", "Set training.paired_patients=3.")
    assert plan(tiny("cyclegan", changes={"settings": HALF}, paired_patients=3), cohort).stream.pairs
    cases = [phantom(n, modalities=("t1",) if n % 2 else ("fa",)) for n in range(4)]
    apart = make_cohort(cases, (4, 0, 0))
    assert "settings.paired_weight=0" in refusal(tiny("cyclegan", changes={"settings": HALF}), apart).remedy
    for translator, settings in (
        ("pix2pix", {"width": 2, "levels": 3}),
        ("cyclegan", {"width": 4, "blocks": 1}),
    ):
        error = refusal(tiny(translator, changes={"settings": settings}, paired_patients=1), cohort)
        assert (error.code, error.remedy) == ("E004", "Set training.paired_patients=null.")


def test_a_case_with_neither_is_named(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any]
) -> None:
    cohort = make_cohort([phantom(n, modalities=("t1",) if n else ("t2",)) for n in range(3)], (3, 0, 0))
    error = refusal(tiny("cyclegan", changes={"settings": {"width": 4, "blocks": 1}}), cohort)
    assert error.code == "E131"
    assert "case case0 has t2, no t1 or fa" in str(error)
