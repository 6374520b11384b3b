"""Recipes in words: changes and options for hardware end in one resolved recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.commands._recipe_words import resolve
from transmodal.errors import UsageError
from transmodal.recipes import load


def test_changes_and_hardware_are_checked_together(folders: Path) -> None:
    hardware = {"device": "cpu", "precision": None, "processes": 2}
    by_name = resolve("tiny.yaml", ["training.epochs=3"], hardware)
    given = resolve(load.load("tiny.yaml"), {"training.epochs": 3}, hardware)
    assert by_name == given
    assert (given.training.device, given.training.processes, given.training.epochs) == ("cpu", 2, 3)
    assert given.training.precision == load.load("tiny.yaml").training.precision
    with pytest.raises(UsageError):
        resolve("tiny.yaml", [], {"processes": 3})
