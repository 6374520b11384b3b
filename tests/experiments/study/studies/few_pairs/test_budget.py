"""The budget: as many steps for every recipe, or a refusal that says what to write."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from transmodal.errors import UsageError
from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.studies.few_pairs.answer import Options
from transmodal.experiments.study.studies.few_pairs.budget import give_steps

BenchOf = Callable[..., Bench[Options]]


def test_steps_become_samples_of_the_recipe(bench_of: BenchOf) -> None:
    bench = bench_of("with", "without")
    paired, unpaired = (give_steps(recipe, (), 10, bench.cohort) for recipe in bench.recipes)
    assert paired.changes == unpaired.changes == ("training.samples_per_epoch=40",)
    assert (paired.kind, unpaired.kind) == ("pairs", "no pairs")
    half = give_steps(bench.recipes[1], ("settings.paired_weight=10",), 10, bench.cohort)
    assert half == (("training.samples_per_epoch=40",), "half-paired")
    two = give_steps(bench.recipes[0], ("training.epochs=2", "training.batch=2"), 10, bench.cohort)
    assert two.changes == ("training.samples_per_epoch=10",)


def test_what_cannot_keep_to_a_budget_is_refused_with_a_remedy(bench_of: BenchOf) -> None:
    bench = bench_of("with")
    (recipe,) = bench.recipes
    with pytest.raises(UsageError, match="Write --option steps=9") as uneven:
        give_steps(recipe, ("training.epochs=3",), 10, bench.cohort)
    assert uneven.value.code == "E001"
    assert give_steps(recipe, ("training.epochs=3",), 9, bench.cohort).changes
    early = "training.early_stopping={patience: 2}"
    with pytest.raises(UsageError, match=r"--set training\.early_stopping=null"):
        give_steps(recipe, (early,), 10, bench.cohort)
    assert give_steps(recipe, (early, "training.early_stopping=null"), 10, bench.cohort).changes
