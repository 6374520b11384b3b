"""`transmodal compare`: one table of evaluated runs, printed in a form or written in all of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_calls import check_refused
from transmodal import cli


def test_a_table_is_printed_in_the_form_that_is_asked_for(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = {}
    for form in ("md", "csv", "latex", "html"):
        assert cli.run(["compare", "evaluation", "--format", form]) == 0
        shown[form] = capsys.readouterr().out
    assert "| " in shown["md"]
    assert "tabular" in shown["latex"]
    assert "<table" in shown["html"]
    assert "," in shown["csv"]
    assert cli.run(["compare", "evaluation"]) == 0
    assert capsys.readouterr().out == shown["md"]
    assert not list(folders.glob("comparison*"))


def test_a_folder_gets_every_form(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["compare", "evaluation", "--metric", "mae", "-o", "comparison"]) == 0
    assert capsys.readouterr().out.endswith("\nTables: comparison\n")
    assert {path.suffix for path in Path("comparison").iterdir()} >= {".md", ".csv", ".tex", ".html"}


def test_json_names_rows_and_the_folder(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["compare", "evaluation", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["folder"] is None
    assert content["rows"]


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        ("compare", 2, "RUN"),
        ("compare cohort", 3, "cohort"),
        ("compare evaluation --metric nothing", 2, "nothing"),
        ("compare evaluation --format word", 2, "word"),
        ("compare evaluation --against nobody", 2, "nobody"),
    ],
)
def test_refusals(
    words: str, status: int, part: str, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_refused(words, status, part, capsys)
