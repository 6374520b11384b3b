"""The task of an evaluation without a run: its target, sources, region and range of values."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.predictions.alone import choose_target, load_or_plan, plan_without_runs
from transmodal.evaluation.predictions.folder import PredictionFolder
from transmodal.evaluation.predictions.predicted import Predictions
from transmodal.evaluation.predictions.reading import ReadingOptions
from transmodal.evaluation.request import EvaluationRequest, ScoringOptions
from transmodal.evaluation.score import range_of
from transmodal.volumes.intensity import IntensitySpec


def test_the_target_is_the_modality_with_a_unit(heads: Cohort) -> None:
    assert choose_target(heads, "") == "ct"
    assert choose_target(heads, "mr") == "mr"
    with pytest.raises(UsageError, match="--target pet") as refused:
        choose_target(heads, "pet")
    assert refused.value.code == "E002"
    nameless = heads.named_for(["t1", "ct"])
    assert choose_target(nameless, "") == "ct"
    renamed = Cohort(heads.folder, heads.manifest.with_names({"ct": "t2"}), heads.split)
    with pytest.raises(UsageError, match="predictions on a cohort with mr, t2") as refused:
        choose_target(renamed, "")
    assert refused.value.code == "E004"


def test_the_plan_is_that_of_the_shipped_recipes(heads: Cohort) -> None:
    loaded = plan_without_runs(heads)
    assert loaded.sources == ("mr",)
    assert loaded.preprocessing.region == "whole"
    assert range_of("ct", loaded.preprocessing.target_map) == 4024
    reverse = plan_without_runs(heads, "mr").preprocessing
    assert reverse.sources == ("ct",)
    assert 300 < range_of("mr", reverse.target_map) < 700  # percentiles of the training cases' MR


def test_the_range_is_the_cohorts_own_map_where_it_has_one(heads: Cohort) -> None:
    """As runs of the cohort train with it: figures of both then stand under one protocol."""
    own = {"mr": IntensitySpec("window", 0.0, 255.0), "ct": IntensitySpec("window", -1000.0, 2000.0)}
    manifest = heads.manifest.model_copy(
        update={"options": heads.manifest.options.model_copy(update={"intensity": own})}
    )
    cohort = Cohort(heads.folder, manifest, heads.split)
    preprocessing = plan_without_runs(cohort, "mr").preprocessing
    assert range_of("mr", preprocessing.target_map) == 255
    assert preprocessing.specs == {"ct": own["ct"]}
    assert range_of("ct", plan_without_runs(cohort, "ct").preprocessing.target_map) == 3000


def test_what_needs_a_source_is_refused_without_one(heads: Cohort, tmp_path: Path) -> None:
    cases = tuple(
        entry.model_copy(update={"volumes": {"ct": entry.volumes["ct"]}}) for entry in heads.manifest.cases
    )
    manifest = heads.manifest.model_copy(update={"cases": cases, "modalities": ("ct",)})
    bare = Cohort(heads.folder, manifest, heads.split)
    folders = Predictions(((PredictionFolder(tmp_path, "tool"), ReadingOptions()),))
    for scoring in (ScoringOptions(metrics=("stsim2_source",)), ScoringOptions(target_normalised=True)):
        with pytest.raises(UsageError, match="where there is no source") as refused:
            load_or_plan([], bare, EvaluationRequest(predictions=folders, scoring=scoring))
        assert refused.value.code == "E004"
    assert load_or_plan([], bare, EvaluationRequest(predictions=folders)).sources == ()


def test_runs_are_loaded_where_there_are_some(heads: Cohort, tmp_path: Path) -> None:
    folders = Predictions(((PredictionFolder(tmp_path, "tool"), ReadingOptions()),))
    assert load_or_plan([], heads, EvaluationRequest(predictions=folders)).models == []
    with pytest.raises(UsageError, match="no run"):
        load_or_plan([], heads, EvaluationRequest())
    with pytest.raises(InputError):
        load_or_plan([tmp_path], heads, EvaluationRequest(predictions=folders))
