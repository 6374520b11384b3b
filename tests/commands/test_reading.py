"""Options of reading: the same for every verb, and nothing is taken on a user's word unless it is said."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from transmodal.commands._groups import grouped
from transmodal.commands._reading import ReadingWords, SeriesReadingWords
from transmodal.volumes.reading import STRICT, Reading

app = typer.Typer()


@app.command()
@grouped
def show(*, words: SeriesReadingWords) -> None:
    typer.echo(words.reading())


def test_without_a_word_reading_is_strict() -> None:
    assert ReadingWords().reading() == SeriesReadingWords().reading() == STRICT


@pytest.mark.parametrize(
    ("words", "reading"),
    [
        ([], STRICT),
        (["--nonfinite", "zero"], Reading(nonfinite="zero")),
        (["--orientation-from", "qform"], Reading(orientation_from="qform")),
        (["--assume-orientation", "RAS", "--frame", "2"], Reading(assume_orientation="RAS", frame=2)),
        (["--series", "4"], Reading(series="4")),
    ],
)
def test_each_option_is_one_setting(words: list[str], reading: Reading) -> None:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert result.output.strip() == str(reading)


@pytest.mark.parametrize("words", [["--nonfinite", "keep"], ["--orientation-from", "s"], ["--frame", "x"]])
def test_other_words_are_refused(words: list[str]) -> None:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert words[0] in result.output
