"""Material: what a training takes from its cohort."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError
from transmodal.evaluation.measures.reference_mask import MaskedCase
from transmodal.recipes.schema import Recipe
from transmodal.training.planning.material import read_material

Tiny = Callable[..., Recipe]


def test_material_is_the_cohorts_own(tiny: Tiny, cohort: Cohort) -> None:
    material = read_material(tiny(), cohort)

    assert [case.id for case in material.training] == [case.id for case in cohort.cases("train")]
    assert [case.id for case in material.validation] == [case.id for case in cohort.cases("validation")]
    assert material.channels == {"t1": 1, "fa": 1}
    assert (material.mark.name, material.mark.digest) == (cohort.manifest.name, cohort.digest())
    key = cohort.patient_keys()[0]
    assert material.mark.patients == tuple(sorted(key.mark(case.patient) for case in material.training))
    assert material.mark.patients_key == key.id


def test_modalities_have_the_names_of_the_recipe(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any]
) -> None:
    cohort = make_cohort([phantom(n, modalities=("t1", "t2")) for n in range(6)])
    material = read_material(tiny(changes={"task": {"source": ["mr"], "target": "t2"}}), cohort)
    assert all(set(case.modalities) == {"mr", "t2"} for case in (*material.training, *material.validation))


def test_cases_without_a_mask_are_validated_where_their_target_is(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any]
) -> None:
    bare = make_cohort([phantom(n, with_mask=False) for n in range(6)])
    assert all(isinstance(case, MaskedCase) for case in read_material(tiny(), bare).validation)


def test_a_channel_count_is_that_of_the_cases_that_train_or_validate(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any]
) -> None:
    cohort = make_cohort([phantom(n, colour=True) for n in range(6)])
    task = {"source": ["t1"], "target": "colour"}
    assert read_material(tiny(changes={"task": task}), cohort).channels == {"t1": 1, "colour": 3}


def test_no_training_case(tiny: Tiny, cohort: Cohort) -> None:
    empty = Cohort(cohort.folder, cohort.manifest, cohort.split.model_copy(update={"train": ()}))
    with pytest.raises(InputError, match="no training case"):
        read_material(tiny(), empty)
