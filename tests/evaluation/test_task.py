"""The task of an evaluation: units of its target, cohorts without pairs, and what cannot be normalised."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from transmodal.errors import UsageError
from transmodal.evaluation.measures.reference_mask import ReferenceMask
from transmodal.evaluation.task import EvaluationTask, lacks_pairs, reference_units, simulated
from transmodal.volumes.intensity import IntensitySpec, fit

Make = Callable[..., Any]
TASK = EvaluationTask(("t1",), "ct", 4000.0, "mine", "d" * 64, "test")


def case_of(*modalities: str) -> Any:  # noqa: ANN401  # a fake
    return SimpleNamespace(modalities=modalities)


def test_a_target_has_its_own_unit_or_the_cohorts() -> None:
    assert TASK.unit == "HU"
    levels = EvaluationTask(("t1",), "ct", 255.0, "mine", "d", "test", units={"ct": "grey level"})
    assert levels.unit == "grey level"
    assert TASK.mask_text == ""
    masked = EvaluationTask(("t1",), "fa", 1.0, "mine", "d", "test", mask=ReferenceMask("fa", "brain"))
    assert "brain" in masked.mask_text


def test_a_cohort_has_pairs_as_soon_as_one_case_has_both() -> None:
    alone = [case_of("t1"), case_of("ct")]
    assert lacks_pairs(alone, ("t1", "t2"), "ct")
    assert not lacks_pairs([*alone, case_of("t1", "ct")], ("t1", "t2"), "ct")
    assert not lacks_pairs([], ("t1",), "ct")


def test_only_a_target_without_a_unit_can_be_normalised(make_preprocessing: Make) -> None:
    with pytest.raises(UsageError, match="which has a unit") as refused:
        reference_units(make_preprocessing())
    assert refused.value.code == "E004"
    percent = fit(IntensitySpec("percentile", 1.0, 99.0), np.arange(1000.0).reshape(10, 10, 10))
    reference = reference_units(make_preprocessing(target="t2", target_map=percent))
    assert (reference.map, reference.source) == (percent, "t1")


def test_modalities_are_simulated_where_some_case_says_so() -> None:
    def entry(**flags: bool) -> Any:  # noqa: ANN401  # a fake
        return SimpleNamespace(
            volumes={name: SimpleNamespace(simulated=flag) for name, flag in flags.items()}
        )

    cohort: Any = SimpleNamespace(manifest=SimpleNamespace(cases=[entry(t1=False), entry(t1=False, ct=True)]))
    assert simulated(cohort, ("t1", "ct", "fa")) == ("ct",)
