"""A design: rows and seeds, and the recipe of each training."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from transmodal.experiments.ablation.plan import AblationPlan, AblationVariant
from transmodal.experiments.benchmark.suite import Entry, Suite
from transmodal.experiments.design import Design

PLAN = AblationPlan(
    name="mine",
    recipe="t1-to-fa-small",
    changes=("training.epochs=2",),
    seeds=(3, 5),
    variants={
        "whole": AblationVariant(),
        "other": AblationVariant(recipe="t1-to-fa-pix2pix-small", changes=("training.epochs=9",)),
    },
)
SUITE = Suite(
    name="mine",
    about="a",
    budget="b",
    cohort="c",
    changes=("training.epochs=2",),
    seeds=(3, 5),
    entries={
        "whole": Entry(recipe="t1-to-fa-small"),
        "other": Entry(recipe="t1-to-fa-pix2pix-small", changes=("training.epochs=9",)),
    },
)


@pytest.mark.parametrize("design", [PLAN, SUITE])
def test_all_rows_with_a_seed_come_before_the_next_seed(design: Design) -> None:
    assert design.trainings() == [("whole", 3), ("other", 3), ("whole", 5), ("other", 5)]


@pytest.mark.parametrize("design", [PLAN, SUITE])
def test_a_row_changes_the_recipe_after_its_design(design: Design) -> None:
    whole, other = design.resolved("whole", 3), design.resolved("other", 5)
    assert (whole.translator, whole.training.epochs, whole.training.seed) == ("unet_regression", 2, 3)
    assert (other.translator, other.training.epochs, other.training.seed) == ("pix2pix", 9, 5)
    assert design.changes_of("other") == ["training.epochs=2", "training.epochs=9"]


def test_a_design_has_a_seed_and_no_unknown_key() -> None:
    for content in ({"seeds": ()}, {"seeds": (-1,)}, {"unknown": 1}):
        with pytest.raises(ValidationError):
            AblationPlan.model_validate(
                {"name": "x", "recipe": "t1-to-fa-small", "variants": {"a": {}}, **content}
            )
