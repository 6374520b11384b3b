"""The study of dimensions: finds the form that errs less where one was planted, and none where all err alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import UsageError
from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.record import StudyFigure
from transmodal.experiments.study.run import study
from transmodal.experiments.study.studies import find
from transmodal.experiments.study.studies._base import Findings
from transmodal.experiments.study.studies.dimensions.answer import STUDY
from transmodal.experiments.study.studies.dimensions.figures import (
    CHANGES,
    COSTS,
    ERRORS,
    MEMORY,
    PARAMETERS,
    TIME,
    WORK,
)
from transmodal.experiments.study.studies.dimensions.forms import AXIAL, FUSED, SOLID
from transmodal.volumes import Volume

BenchOf = Callable[..., Bench[Any]]
SEEDS = {"z": 1, "xyz": 2, "patch": 3}


def noise(number: int, form: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return np.random.default_rng([number, SEEDS[form]]).standard_normal(shape)


def steps_along_z(target: Volume, form: str, number: int) -> NDArray[np.float64]:
    """Err from slice to slice along z, by half as much when fused, and of patches hardly; by another amount in each case."""
    size = {"z": 0.2, "xyz": 0.1, "patch": 0.02}[form] * (1 + 0.1 * number)
    sign = (-1.0) ** np.arange(target.voxels.shape[2])
    return target.voxels + size * sign


def alike(target: Volume, form: str, number: int) -> NDArray[np.float64]:
    """Err by noise of one size in every form."""
    return target.voxels + 0.1 * noise(number, form, target.voxels.shape)


def copy(target: Volume, form: str, number: int) -> NDArray[np.float32]:
    return target.voxels


def pick(findings: Findings, table: str, figure: str, group: str) -> StudyFigure:
    return next(f for f in findings.figures if (f.table, f.figure, f.group) == (table, figure, group))


def test_a_planted_effect_is_found(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(steps_along_z))
    errors = [pick(findings, ERRORS, "MAE", form).value or 0 for form in (AXIAL, FUSED, SOLID)]
    assert errors[0] == pytest.approx(2 * errors[1], rel=1e-4)
    assert errors[0] == pytest.approx(10 * errors[2], rel=1e-4)
    for figure in ("change in MAE", "change in steps"):
        for group in (f"{SOLID} less {AXIAL}", f"{FUSED} less {AXIAL}", f"{SOLID} less {FUSED}"):
            change = pick(findings, CHANGES, figure, group)
            assert change.interval is not None
            assert change.interval[1] < 0
            assert (change.p or 1) < 0.05
    # What goes up and down from slice to slice has a slope of twice its size.
    steps, mae = (pick(findings, ERRORS, name, AXIAL) for name in ("steps between slices", "MAE"))
    assert (steps.value or 0) == pytest.approx(2 * (mae.value or 0) / 2.5, rel=1e-3)
    assert "patches err less in 1, more in 0" in findings.sentences[0]
    assert "three planes fused err less in 1, more in 0" in findings.sentences[0]
    assert "90.0 % lower" in findings.sentences[1]
    assert "4 times the parameters" in findings.sentences[2]


def test_nothing_is_found_where_nothing_was_planted(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(alike))
    for group in (f"{SOLID} less {AXIAL}", f"{FUSED} less {AXIAL}", f"{SOLID} less {FUSED}"):
        change = pick(findings, CHANGES, "change in MAE", group)
        assert abs(change.value or 1) < 0.005
    assert findings.sentences[0].count("less in 0, more in 0 and are not shown to differ in 1") == 2
    assert findings.sentences[1].count("not shown to differ") == 4


def test_costs_stand_beside_the_errors(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(alike))
    assert [pick(findings, COSTS, PARAMETERS, form).value for form in (AXIAL, SOLID)] == [0.001, 0.004]
    assert pick(findings, COSTS, MEMORY, SOLID).value == 3
    assert all((pick(findings, COSTS, TIME, form).value or 0) > 0 for form in (AXIAL, FUSED, SOLID))


def test_a_perfect_translation_has_no_psnr(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(copy))
    assert pick(findings, ERRORS, "PSNR, dB", AXIAL).value is None
    assert pick(findings, ERRORS, "MAE", AXIAL).value == 0


@pytest.mark.parametrize("kind", ["slice", "patch"])
def test_runs_of_one_kind_are_refused(bench_of: BenchOf, kind: str) -> None:
    with pytest.raises(UsageError, match=r"windows\.kind=patch") as refused:
        STUDY.answer(bench_of(alike, (kind,)))
    assert refused.value.code == "E004"
    assert find("dimensions") is STUDY


def test_recipes_of_slices_and_of_patches_are_trained_and_held_against_each_other(
    cohort: Path, recipe: Path, tmp_path: Path
) -> None:
    solid = tmp_path / "solid.yaml"
    text = recipe.read_text().replace("name: tiny", "name: solid")
    solid.write_text(text.replace("{kind: slice, axes: [z]}", "{kind: patch, size: [8, 8, 8]}"))
    record = study("dimensions", [recipe, solid], cohort, output=tmp_path / "study")
    assert {model.recipe for model in record.models} == {"tiny", "solid"}
    costs = {(f.group, f.figure): f.value or 0 for f in record.of_table(COSTS)}
    assert 2 * costs[AXIAL, PARAMETERS] < costs[SOLID, PARAMETERS] < 3 * costs[AXIAL, PARAMETERS]
    assert all(costs[form, figure] > 0 for form in (AXIAL, FUSED, SOLID) for figure in (TIME, WORK, MEMORY))
    assert costs[AXIAL, PARAMETERS] == costs[FUSED, PARAMETERS]
    assert all(f.n == 6 for f in record.of_table(ERRORS))
