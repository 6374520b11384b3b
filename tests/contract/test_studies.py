"""Every study finds an effect that was planted and finds nothing where nothing was planted: it has a test of each."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from transmodal.commands._verbs import whole
from transmodal.experiments.study.studies import find, names

TESTS = Path(__file__).parents[1] / "experiments" / "study" / "studies"
EFFECT, NOTHING = "test_a_planted_effect_is_found", "test_nothing_is_found_where_nothing_was_planted"


def list_tests(name: str) -> set[str]:
    """Return the names of the tests of a study."""
    room = name.replace("-", "_")
    files = [TESTS / f"test_{room}.py", *sorted((TESTS / room).glob("test_*.py"))]
    return {
        node.name
        for file in files
        if file.is_file()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


@pytest.mark.parametrize("name", names())
def test_every_study_is_tested_with_and_without_an_effect(name: str) -> None:
    assert {EFFECT, NOTHING} <= list_tests(name)


@pytest.mark.parametrize("name", names())
def test_the_example_of_a_study_is_a_call_that_the_command_takes(name: str) -> None:
    words = find(name).command.split()
    command = whole("study")
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if re.match("--?[a-z]", word)} <= options
