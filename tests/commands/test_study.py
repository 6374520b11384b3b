"""`transmodal study`: words that cannot be are refused, studies are listed, and the result is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli_calls import check_refused
from transmodal import cli
from transmodal.experiments.study import run as studies
from transmodal.experiments.study.record import (
    StudyCohort,
    StudyFigure,
    StudyRecord,
    StudyTable,
)


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        ("study", 2, "--list"),
        ("study biology run --cohort cohort", 2, "-o"),
        ("study biologi run --cohort cohort -o out", 2, "biology"),
        ("study biology --cohort cohort -o out", 2, "without runs"),
        ("study biology run --cohort cohort -o out --seeds one", 2, "--seeds one"),
        ("study biology run --cohort cohort -o out --option oracle=x", 2, "oracles"),
        ("study biology run --cohort gone -o out", 3, "gone"),
        ("study biology run --cohort cohort -o out --workers 0", 2, "--workers"),
    ],
)
def test_refusals(
    words: str, status: int, part: str, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_refused(words, status, part, capsys)
    assert not Path("out").exists()


def test_the_studies_are_listed_with_their_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["study", "--list"]) == 0
    shown = capsys.readouterr().out
    assert "biology: Which part of a person" in shown
    assert "--option oracles=[mean_target, lookup]" in shown
    assert cli.run(["study", "biology", "--list"]) == 0
    assert capsys.readouterr().out in shown


def test_words_are_passed_on_and_the_result_is_printed(
    folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[tuple[tuple[object, ...], dict[str, object]]] = []
    record = StudyRecord(
        study="biology",
        about="?",
        reading="",
        intended_use="",
        tool_version="0",
        commit=None,
        cohort=StudyCohort(name="few", digest="d", cases={}),
        split="all",
        protocol="",
        findings=("It works.",),
        figures=(StudyFigure(table="Main", row="unet", figure="r", value=0.25),),
        tables=(StudyTable(name="Main", caption="c"),),
        command="",
    )

    def study(*words: object, **fields: object) -> StudyRecord:
        calls.append((words, {**fields, "progress": None}))
        return record

    monkeypatch.setattr(studies, "study", study)
    words = "study biology run --cohort cohort -o out --split all --seeds 1,2 --set training.epochs=1 --option a=b"
    more = "--subjects subjects --training-cohort home --phenotypes p.tsv --device cpu --workers 2"
    assert cli.run([*words.split(), *more.split()]) == 0
    expected = {
        "output": Path("out"),
        "split": "all",
        "training_cohort": Path("home"),
        "subjects": Path("subjects"),
        "phenotypes": Path("p.tsv"),
        "seeds": [1, 2],
        "changes": ["training.epochs=1"],
        "options": ["a=b"],
        "device": "cpu",
        "workers": 2,
        "progress": None,
    }
    assert calls == [(("biology", ["run"], Path("cohort")), expected)]
    shown = capsys.readouterr().out
    assert "| unet | 0.25 |" in shown
    assert "It works." in shown
    assert f"Figures: {Path('out') / 'study.json'}" in shown
