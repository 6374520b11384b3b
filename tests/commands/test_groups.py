"""Groups of options: typer sees each of them, and the verb gets them back as a record."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest
import typer
from typer.testing import CliRunner

from transmodal import cli
from transmodal.commands._groups import grouped
from transmodal.commands._verbs import whole


@dataclass(frozen=True, slots=True)
class Cut:
    axis: Annotated[Literal["x", "y"], typer.Option(help="Axis.")] = "x"
    sizes: Annotated[Sequence[int], typer.Option("--size", help="Size.")] = ()


@dataclass(frozen=True, slots=True)
class Draw:
    seed: Annotated[int, typer.Option(help="Seed.")]
    cut: Cut = field(default_factory=Cut)
    is_grey: Annotated[bool, typer.Option("--grey", help="Grey.")] = False


Image = Annotated[Path, typer.Argument(help="Image.")]


@grouped
def draw(image: Image, *, words: Draw, quiet: Annotated[bool, typer.Option("--quiet")] = False) -> None:
    """Draw an image."""
    typer.echo((image, words, quiet))


def call(*words: str) -> str:
    app = typer.Typer()
    app.command()(draw)
    return CliRunner().invoke(app, words).output


def test_options_of_groups_inside_groups_come_back_as_records() -> None:
    line = call("a.png", "--seed", "3", "--size", "1", "--size", "2", "--grey", "--quiet")
    assert line.strip() == str((Path("a.png"), Draw(3, Cut("x", [1, 2]), True), True))
    assert str(Draw(3, Cut("y", []))) in call("a.png", "--seed", "3", "--axis", "y")


def test_options_stand_in_the_place_of_their_group() -> None:
    assert list(inspect.signature(draw).parameters) == ["image", "seed", "axis", "sizes", "is_grey", "quiet"]
    assert "Draw an image." in call("--help")


@pytest.mark.parametrize(
    "words", [["a.png"], ["a.png", "--seed", "x"], ["a.png", "--seed", "1", "--axis", "z"]]
)
def test_words_that_an_option_does_not_take_are_refused(words: list[str]) -> None:
    assert "Error" in call(*words)


def test_two_options_of_one_name_are_refused() -> None:
    def twice(seed: int, *, words: Draw) -> None: ...

    with pytest.raises(ValueError, match="duplicate parameter name: 'seed'"):
        grouped(twice)


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_option_of_every_verb_has_help(verb: str) -> None:
    command = whole(verb)
    assert [option.name for option in command.params if (option.help or "")[-1:] not in (".", ")")] == []
