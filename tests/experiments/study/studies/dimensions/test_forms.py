"""The forms of a run, and a case of a trained run in each of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transmodal.cohorts.store import Cohort
from transmodal.experiments.study.bench import Bench, CohortFiles
from transmodal.experiments.study.entrants import plan_trials, read_entrants, train_entrants
from transmodal.experiments.study.scored import score_entrants
from transmodal.experiments.study.studies.dimensions.forms import (
    AXIAL,
    FUSED,
    FormItem,
    count_parameters,
    forms_of,
    is_solid,
    measure_forms,
)
from transmodal.experiments.study.units import WorkUnits


def test_a_case_of_a_trained_run_is_translated_timed_and_scored(
    cohort: Path, recipe: Path, tmp_path: Path
) -> None:
    store = Cohort.open(cohort)
    trained = train_entrants(plan_trials([str(recipe)], [], [1], cohort, tmp_path / "runs"), store)
    (entrant,) = read_entrants(list(trained.values()))
    assert not is_solid(entrant)
    assert forms_of(entrant) == (AXIAL, FUSED)
    assert count_parameters(entrant) > 1000
    bench: Bench[Any] = Bench(
        store, tmp_path, (entrant,), (), (), (1,), "test", CohortFiles(), None, "cpu", WorkUnits(tmp_path)
    )
    scored = score_entrants(bench, (entrant,))[entrant.label]
    case = scored.cases()[0]
    content = measure_forms(FormItem(entrant, scored.folder, cohort, case.id, "cpu"))
    axial, fused = content["forms"][AXIAL], content["forms"][FUSED]
    # The recipe's own pass is the axial one, which the evaluation stored.
    error = np.abs(scored.synthetic(entrant.row, case).voxels - scored.target(case).voxels)[case.mask()]
    assert axial["mae"] == pytest.approx(error.mean(), rel=1e-3)
    assert axial["mae"] != fused["mae"]
    assert axial["steps"] > 0
    assert axial["seconds"] > 0
    assert axial["processor seconds"] > 0
    assert axial["bytes"] > 0
