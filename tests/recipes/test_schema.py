"""The schema of a recipe: frozen, and consistent in itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.errors import UsageError
from transmodal.recipes import load
from transmodal.recipes.schema import Recipe


def test_recipes_are_frozen(file: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load.load(file).training.epochs = 3  # type: ignore[misc]  # that is the point


def test_schema_of_slabs_and_patches(file: Path) -> None:
    slab = load.load(file, ["windows={kind: slab, depth: 5}"])
    patch = load.load(file, ["windows={kind: patch, size: [16, 16, 16]}"])

    assert isinstance(slab, Recipe)
    assert slab.windows.depth == 5
    assert patch.windows.size == (16, 16, 16)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["windows={plane_channels: true}"], "two axes or three"),
        (
            ["windows={kind: patch, size: [16, 16, 16], plane_channels: true, axes: [x, z]}"],
            "two axes or three",
        ),
        (
            ["windows={axes: [x, z], plane_channels: true}", "translation={axes: [x, y]}"],
            "has y, which windows.axes has not",
        ),
    ],
)
def test_planes_that_cannot_be_told_are_refused(file: Path, changes: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load.load(file, changes)
    told = load.load(file, ["windows={axes: [x, z], plane_channels: true}", "translation={axes: [x]}"])
    assert told.windows.plane_channels
