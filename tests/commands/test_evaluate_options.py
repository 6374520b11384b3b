"""Options of `evaluate`: every one has its help, a default that says what happens without it, and its own spelling."""

from __future__ import annotations

import inspect
from typing import get_args, get_type_hints

import pytest
import typer
from typer.testing import CliRunner

from transmodal.commands import _evaluate_options as options
from transmodal.commands import evaluate

NAMES = sorted(name for name in vars(options) if get_args(getattr(options, name)) and name[0].isupper())


@pytest.mark.parametrize("name", NAMES)
def test_every_option_has_help(name: str) -> None:
    (option,) = getattr(options, name).__metadata__
    assert option.help
    assert option.help[-1] in ".)"


def test_every_option_is_one_of_the_verbs() -> None:
    hints = get_type_hints(evaluate.run, include_extras=True)
    used = [hints[name] for name in inspect.signature(evaluate.run).parameters]
    assert [name for name in NAMES if getattr(options, name) not in used] == []


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--fuse", "max"], "'--fuse'"),
        (["--draws", "0"], "'--draws'"),
        (["--translate-with", "none"], "'--translate-with'"),
        (["--samples", "3"], "No such option"),
    ],
)
def test_words_that_no_option_takes_are_refused_while_they_are_parsed(words: list[str], part: str) -> None:
    app = typer.Typer()
    app.command()(evaluate.run)
    result = CliRunner().invoke(app, ["run", "--cohort", "cohort", *words])
    assert result.exit_code == 2
    assert part in result.output.replace("│", "")
