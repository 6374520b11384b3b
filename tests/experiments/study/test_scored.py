"""Evaluations of a study: made once through the users' door, with volumes that are read back by hash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transmodal.cohorts.store import Cohort
from transmodal.errors import IntegrityError
from transmodal.experiments.study.bench import Bench, CohortFiles
from transmodal.experiments.study.entrants import plan_trials, read_entrants, train_entrants
from transmodal.experiments.study.scored import StudyScoring, score_entrants
from transmodal.experiments.study.units import WorkUnits


def test_volumes_are_those_that_figures_were_taken_of(cohort: Path, recipe: Path, tmp_path: Path) -> None:
    store = Cohort.open(cohort)
    trained = train_entrants(plan_trials([str(recipe)], [], [1], cohort, tmp_path / "runs"), store)
    entrants = read_entrants(list(trained.values()))
    bench: Bench[Any] = Bench(
        store, tmp_path, entrants, (), (), (1,), "test", CohortFiles(), None, "cpu", WorkUnits(tmp_path)
    )
    scored = score_entrants(bench, entrants, StudyScoring(oracles=("lookup",)))[entrants[0].label]
    assert scored.names == ("unet_regression", "lookup")
    cases = scored.cases()
    assert len(cases) == 6
    rows = {(row.case, row.translator): row for row in scored.content.rows if "mask" in row.protocol}
    for name in scored.names:
        for case in cases:
            error = np.abs(scored.synthetic(name, case).voxels - scored.target(case).voxels)[case.mask()]
            assert error.mean() == pytest.approx(rows[case.id, name].value, rel=1e-3)

    folder = scored.folder
    (folder / "evaluation.json").unlink()
    assert score_entrants(bench, entrants, StudyScoring(oracles=("lookup",)))[entrants[0].label].names
    stored = scored.content.volumes["lookup"][cases[0].id][0]
    (folder / stored.file).write_bytes(b"other")
    with pytest.raises(IntegrityError, match="SHA-256"):
        scored.synthetic("lookup", cases[0])
