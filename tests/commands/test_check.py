"""`transmodal check`: figures are taken again from stored volumes, in words or as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_calls import check_refused
from transmodal import cli


def test_figures_agree(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check", "evaluation", "--cohort", "cohort", "--json"]) == 0
    checked = json.loads(capsys.readouterr().out)
    assert checked["figures"] > 0
    assert checked["volumes"] > 0
    assert cli.run(["check", "evaluation", "--cohort", "cohort"]) == 0
    assert str(checked["figures"]) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        ("check evaluation", 2, "--cohort"),
        ("check run --cohort cohort", 3, "evaluat"),
        ("check evaluation --cohort run", 3, "cohort"),
    ],
)
def test_refusals(
    words: str, status: int, part: str, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_refused(words, status, part, capsys)
