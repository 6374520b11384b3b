"""Which figures of home are the same weights'."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.external.internal_test import read_internal_test, summarise_internal_test
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.report.write import write
from transmodal.evaluation.task import EvaluationTask
from transmodal.storage import files, sealed

Make = Callable[..., Any]
RECORD = {"weights_sha256": "w", "without": [], "cohort": {"name": "home", "digest": "h" * 64}}


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
