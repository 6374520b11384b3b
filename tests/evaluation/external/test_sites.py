"""What may be scored where, which oracles are fair there, and which figures of home are the same weights'."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from transmodal.cohorts.patient_marks import KEY_ID, MARKS, UNKEYED, make_key
from transmodal.errors import UsageError
from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.external import sites
from transmodal.evaluation.external.sites import (
    Sites,
    evaluation_folder,
    namesakes,
    read_internal_test,
    select_cases,
    summarise_internal_test,
)
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.report.write import write
from transmodal.evaluation.task import EvaluationTask
from transmodal.storage import files, sealed

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


def found(scored: FakeCohort, given: FakeCohort | None, split: str = "test", record: Any = RECORD) -> Sites:  # noqa: ANN401  # JSON
    return sites.find_sites(scored, given, {"unet": record}, split)  # type: ignore[arg-type]  # fakes


def test_at_home_oracles_are_fitted_there() -> None:
    for where in (found(HOME, None), found(HOME, HOME), found(HOME, None, record={})):
        assert (where.training, where.is_external) == (HOME, False)
        assert where.notes(["lookup"]) == ()


def test_elsewhere_oracles_are_fitted_at_home_or_left_out() -> None:
    alone = found(AWAY, None)
    assert (alone.training, alone.is_external) == (None, True)
    assert "No oracles" in alone.notes(["lookup"])[0]
    assert alone.notes([]) == ()
    told = found(AWAY, HOME)
    assert (told.training, told.is_external) == (HOME, True)
    assert told.notes(["lookup"]) == ()


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


class Same:
    """Gives the target."""

    name = "its name there"

    def translate_case(self, case: Any) -> Any:  # noqa: ANN401  # fakes
        return case.volume("fa")


@pytest.fixture
def at_home(make_case: Make, tmp_path: Path) -> Path:
    task = EvaluationTask(("t1",), "fa", 1.0, "home", "h" * 64, "test", 9)
    entrants = Participants([Same()], (), {Same.name: RECORD})
    write(evaluate_cases(entrants, [make_case(0), make_case(1)], task), tmp_path / "evaluation")
    return tmp_path


def test_figures_at_home_are_of_the_same_weights(at_home: Path) -> None:
    home = read_internal_test({"unet": at_home, "other": at_home / "nothing"}, {"unet": RECORD})
    assert home is not None
    assert (home.cohort, home.digest) == ("home", "h" * 64)
    assert {key[0] for key in home.figures} == {"unet"}
    maes = [figures for key, figures in home.figures.items() if key[1] == "mae"]
    assert maes[0] == {"patient of case-0": 0.0, "patient of case-1": 0.0}


@pytest.mark.parametrize(
    "record",
    [
        {**RECORD, "weights_sha256": "x"},
        {**RECORD, "without": ["t2"]},
    ],
)
def test_other_weights_have_no_home(at_home: Path, record: dict[str, Any]) -> None:
    assert read_internal_test({"unet": at_home}, {"unet": record}) is None


def test_figures_on_another_split_are_no_home(at_home: Path) -> None:
    path = at_home / "evaluation" / "evaluation.json"
    content = sealed.read(path).content
    content["provenance"]["cohort"]["split"] = "train"
    files.write_json(path, sealed.seal(content))
    assert read_internal_test({"unet": at_home}, {"unet": RECORD}) is None


def test_an_evaluation_of_now_is_a_home(make_case: Make) -> None:
    task = EvaluationTask(("t1",), "fa", 1.0, "home", "h" * 64, "test", 9)
    home = summarise_internal_test(evaluate_cases(Participants([Same()]), [make_case(0)], task))
    assert home.figures[next(iter(home.figures))] == {"patient of case-0": 0.0}
