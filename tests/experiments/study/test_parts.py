"""Parts of a cohort: fewer subjects to learn from, the same ones to score, figures that parts can share."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError
from transmodal.experiments.study.bench import Bench, CohortFiles
from transmodal.experiments.study.parts import (
    PartTraining,
    case_figures,
    complete_parts,
    list_scored_patients,
    name_rows,
    share_cohort,
    training_patients,
)
from transmodal.experiments.study.units import WorkUnits


def bench_of(cohort: Path, recipe: Path, folder: Path, seeds: tuple[int, ...] = (1, 2)) -> Bench[None]:
    return Bench(
        Cohort.open(cohort),
        folder,
        (),
        (str(recipe),),
        (),
        seeds,
        "test",
        CohortFiles(),
        None,
        "cpu",
        WorkUnits(folder),
    )


def test_a_part_has_fewer_to_learn_from_and_the_same_to_score(cohort: Path, tmp_path: Path) -> None:
    whole = Cohort.open(cohort)
    patients = training_patients(whole, 2024)
    first = next(iter(patients))
    part = share_cohort(whole, patients[first], tmp_path)
    assert [case.patient for case in part.cases("train")] == [first]
    assert part.split.validation == ()
    assert part.split.test == whole.split.test
    assert list_scored_patients(part) == list_scored_patients(whole)
    assert share_cohort(whole, patients[first], tmp_path).folder == part.folder
    with pytest.raises(InputError, match="no test case"):
        list_scored_patients(cast(Cohort, SimpleNamespace(cases=lambda _: [], manifest=whole.manifest)))


def test_parts_are_trained_with_every_seed_and_scored_on_the_test_side(
    cohort: Path, recipe: Path, tmp_path: Path
) -> None:
    bench = bench_of(cohort, recipe, tmp_path / "study")
    patients = training_patients(bench.cohort, 2024)
    part = PartTraining("one", str(recipe), next(iter(patients.values())))
    (result,) = complete_parts(bench, [part], oracles=("mean_target",))
    assert [run.seed for run in result.entrants] == [1, 2]
    assert {run.row for run in result.entrants} == {"one"}
    assert result.patients() == list_scored_patients(bench.cohort)
    assert result.values("mae").shape == (2, 6)
    turned = result.patients()[::-1]
    assert np.array_equal(result.values("mae", turned), result.values("mae")[:, ::-1])
    assert result.values("mae", name="mean_target").shape == (1, 6)


def test_errors_are_in_percent_of_the_range_and_inside_the_mask() -> None:
    def row(metric: str, value: float, protocol: str) -> SimpleNamespace:
        return SimpleNamespace(translator="run", metric=metric, patient="p", value=value, protocol=protocol)

    protocols = {
        "in": SimpleNamespace(region="mask", dims=3),
        "2d": SimpleNamespace(region="mask", dims=2),
        "out": SimpleNamespace(region="whole", dims=3),
    }
    rows = [row("mae", 5, "in"), row("mae", 50, "out"), row("ssim", 0.5, "in"), row("ssim", 0.7, "2d")]
    content = SimpleNamespace(rows=rows, protocols=protocols)
    scored = cast(Any, SimpleNamespace(content=content, task=SimpleNamespace(data_range=20.0)))
    assert case_figures(scored, "mae", "run") == {"p": 25.0}
    assert case_figures(scored, "ssim", "run") == {"p": 0.5}


def test_rows_are_named_by_translator_or_where_two_share_it_by_recipe() -> None:
    assert name_rows(["t1-to-t2-small", "t1-to-t2-pix2pix-small"]) == {
        "t1-to-t2-small": "unet_regression",
        "t1-to-t2-pix2pix-small": "pix2pix",
    }
    assert name_rows(["t1-to-t2-small", "t1-to-fa-small"]) == {
        "t1-to-t2-small": "t1-to-t2-small",
        "t1-to-fa-small": "t1-to-fa-small",
    }
