"""The verb: words are checked first, a study goes on where it stopped, and its files say the same."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import transmodal
from transmodal import cli
from transmodal.errors import UsageError
from transmodal.experiments.study import run as module
from transmodal.experiments.study import scored
from transmodal.experiments.study.record import StudyFigure, StudyTable, read
from transmodal.experiments.study.run import check_options, study
from transmodal.experiments.study.scored import score_entrants
from transmodal.experiments.study.studies._base import Findings, Needs, Study, StudyOptions


class Options(StudyOptions):
    size: int = 5


def answer(bench: Any) -> Findings:  # noqa: ANN401 - of the frame's own
    evaluations = score_entrants(bench, bench.entrants)
    figures = tuple(
        StudyFigure(table="Main", row=label, figure="MAE", value=evaluation.content.rows[0].value)
        for label, evaluation in evaluations.items()
    )
    return Findings("Means.", ("Done.",), figures, (StudyTable(name="Main", caption="c"),))


def kind(needs: Needs = "runs") -> Study:
    return Study("example", "Does it work?", "Look.", needs, answer, Options)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Callable[[Needs], None]:
    def install(needs: Needs = "runs") -> None:
        monkeypatch.setattr(module, "find", lambda _: kind(needs))

    return install


def test_recipes_are_trained_scored_and_recorded_and_nothing_is_done_twice(
    example: Callable[..., None], recipe: Path, cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example()
    out = tmp_path / "out"
    record = study("example", [recipe], cohort, output=out, seeds=[1, 2], options=["size=7"])
    assert read(out) == record
    assert [figure.row for figure in record.figures] == ["unet_regression, seed 1", "unet_regression, seed 2"]
    assert record.seeds == (1, 2)
    assert record.options == {"size": 7}
    assert len({model.weights_sha256 for model in record.models}) == 2
    assert len({model.recipe_sha256 for model in record.models}) == 2
    assert "Done." in (out / "study.html").read_text()

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("evaluated again")

    monkeypatch.setattr(scored, "evaluate", fail)
    assert study("example", [recipe], cohort, output=out, seeds=[1, 2], options={"size": 7}) == record


def test_the_recorded_command_makes_the_same_record(
    example: Callable[..., None],
    recipe: Path,
    cohort: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    example()
    changes = ["training.epochs=2", "training.players.generator={lr: 0.02}"]
    record = study(
        "example",
        [recipe],
        cohort,
        output=tmp_path / "out",
        split="validation",
        seeds=[3, 4],
        changes=changes,
        options=["size=7"],
        device="cpu",
    )
    assert record.split == "validation"
    (tmp_path / "out").rename(tmp_path / "before")
    (tmp_path / cohort.name).symlink_to(cohort)
    monkeypatch.chdir(tmp_path)
    assert str(tmp_path) not in record.command
    program, *words = shlex.split(record.command)
    assert program == "transmodal"
    assert cli.run(words) == 0, capsys.readouterr().err
    assert read(tmp_path / "out") == record


@pytest.mark.parametrize(
    ("needs", "words", "fields", "part"),
    [
        ("runs", [], {}, "without runs"),
        ("recipes", [], {}, "of nothing"),
        ("recipes", ["RUN"], {}, "of runs"),
        ("nothing", ["RUN"], {}, "a cohort alone"),
        ("runs", ["RUN"], {"split": "half"}, "--split half"),
        ("runs", ["RUN"], {"seeds": [1, 1]}, "--seeds 1,1"),
        ("runs", ["RUN"], {"options": ["sise=1"]}, "no option sise"),
        ("runs", ["RUN"], {"options": ["size=many"]}, "size=many"),
        ("runs", ["RUN"], {"options": ["size"]}, "key=value"),
    ],
)
def test_words_that_do_not_fit_are_refused_before_anything_is_read(
    example: Callable[..., None],
    tmp_path: Path,
    needs: Needs,
    words: list[str],
    fields: dict[str, Any],
    part: str,
) -> None:
    example(needs)
    run = Path(__file__).parents[2] / "contract" / "earlier" / "run"
    with pytest.raises(UsageError, match=part):
        study("example", [run for _ in words], "gone", output=tmp_path / "out", **fields)
    assert not (tmp_path / "out").exists()


def test_options_are_checked_by_the_studys_schema() -> None:
    assert check_options(kind(), ["size=9"]) == Options(size=9)
    assert check_options(kind(), {}) == Options()


def test_the_verb_is_a_function_of_the_package() -> None:
    assert transmodal.study is study
    with pytest.raises(UsageError, match="no study 'biologie'"):
        study("biologie", output="out")
