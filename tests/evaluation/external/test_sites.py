"""What may be scored where, and which oracles are fair there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from transmodal.cohorts.patient_marks import KEY_ID, MARKS, UNKEYED, PatientKey, make_key
from transmodal.errors import UsageError
from transmodal.evaluation.external import sites
from transmodal.evaluation.external.sites import (
    Site,
    Sites,
    evaluation_folder,
    namesakes,
    select_cases,
)
from transmodal.evaluation.task import EvaluationTask

Make = Callable[..., Any]


class FakeCohort:
    """A cohort that has a name and a digest."""

    def __init__(self, name: str) -> None:
        self.manifest = SimpleNamespace(name=name)

    def digest(self) -> str:
        return self.manifest.name[0] * 64

    def cases(self, split: str | None) -> list[Any]:
        return [split]


HOME, AWAY = FakeCohort("home"), FakeCohort("away / 2")
RECORD = {"weights_sha256": "w", "without": [], "cohort": {"name": "home", "digest": "h" * 64}}


def site(cohort: FakeCohort, split: str = "test") -> Site:
    """Return a site that has read the fake, with figures of its own in the task."""
    name, digest = cohort.manifest.name, cohort.digest()
    key = PatientKey(name.encode())
    task = EvaluationTask(("t1",), "fa", float(len(name)), name, digest, split, len(name), keys=(key,))
    return Site(cohort, task, [])  # type: ignore[arg-type]  # a fake


def found(scored: FakeCohort, given: FakeCohort | None, split: str = "test", record: Any = RECORD) -> Sites:  # noqa: ANN401  # JSON
    home = None if given is None else site(given)
    return sites.find_sites(site(scored, split), home, {"unet": record})


def test_at_home_oracles_are_fitted_there() -> None:
    for where in (found(HOME, None), found(HOME, HOME), found(HOME, None, record={})):
        assert (where.training, where.is_external) == (site(HOME), False)
        assert where.notes(["lookup"]) == ()


def test_elsewhere_oracles_are_fitted_at_home_or_left_out() -> None:
    alone = found(AWAY, None)
    assert (alone.training, alone.is_external) == (None, True)
    assert "No oracles" in alone.notes(["lookup"])[0]
    assert alone.notes([]) == ()
    told = found(AWAY, HOME)
    assert (told.training, told.is_external) == (site(HOME), True)
    assert told.notes(["lookup"]) == ()


def test_range_and_number_of_training_cases_are_the_training_cohorts() -> None:
    at_home, alone, told = found(HOME, None), found(AWAY, None), found(AWAY, HOME)
    assert at_home.task() == site(HOME).task
    assert alone.task() == replace(site(AWAY).task, n_training=0)
    keys = (*site(AWAY).task.keys, *site(HOME).task.keys)
    assert told.task() == replace(site(AWAY).task, data_range=4.0, n_training=4, fitted_on="home", keys=keys)


def test_another_training_cohort_than_the_runs_is_refused() -> None:
    with pytest.raises(UsageError, match="which a run learned from"):
        found(HOME, AWAY)


def test_all_cases_are_scored_only_where_nobody_learned() -> None:
    assert found(AWAY, None, "all").is_external
    for record in (RECORD, {}):
        with pytest.raises(UsageError, match="--split all"):
            found(HOME, None, "all", record)
    assert select_cases(AWAY, "all") == [None]  # type: ignore[arg-type]  # a fake
    assert select_cases(AWAY, "test") == ["test"]  # type: ignore[arg-type]  # a fake


def test_patients_with_a_training_patients_id_are_named() -> None:
    cases: list[Any] = [SimpleNamespace(patient="p1"), SimpleNamespace(patient="p2")]
    record = {**RECORD, "training_patients_sha256": [UNKEYED.mark("p2")]}
    assert "such as p2" in namesakes(cases, {"unet": record})[0]
    assert namesakes(cases, {"unet": RECORD}) == ()
    key = make_key()
    record = {**RECORD, MARKS: [key.mark("p2")], KEY_ID: key.id}
    assert "such as p2" in namesakes(cases, {"unet": record}, [key])[0]
    (note,) = namesakes(cases, {"unet": record}, [make_key()])
    assert note.startswith("unet: not tested")


def test_an_evaluation_elsewhere_goes_beside_the_one_at_home(tmp_path: Path) -> None:
    assert evaluation_folder(tmp_path, HOME) == tmp_path / "evaluation"  # type: ignore[arg-type]  # a fake
    (tmp_path / "run.json").write_text(json.dumps({"cohort": {"digest": "h" * 64}}))
    assert evaluation_folder(tmp_path, HOME) == tmp_path / "evaluation"  # type: ignore[arg-type]  # a fake
    assert evaluation_folder(tmp_path, AWAY) == tmp_path / "evaluation-away-2-aaaaaaaa"  # type: ignore[arg-type]  # a fake
