"""Predictions in words: folders with names, and options for all of them or for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.commands._prediction_words import PredictionWords
from transmodal.commands._reading import SeriesReadingWords
from transmodal.errors import UsageError
from transmodal.evaluation.predictions.folder import PredictionFolder
from transmodal.evaluation.predictions.reading import ReadingOptions
from transmodal.volumes.reading import Reading


def test_folders_carry_their_options() -> None:
    words = PredictionWords(
        ["out=a", "more=b"],
        tables=("b=b.csv",),
        resamples=True,
        rescale=("a=1,-1024", "2,0"),
        allows_missing=True,
    ).predictions()
    assert words.allows_missing
    assert words.folders == (
        (PredictionFolder(Path("out"), "a"), ReadingOptions(True, slope=1, intercept=-1024)),
        (
            PredictionFolder(Path("more"), "b", table=Path("b.csv")),
            ReadingOptions(True, slope=2, intercept=0),
        ),
    )


def test_a_line_can_be_fitted() -> None:
    ((_, first), (_, second)) = PredictionWords(["out=a", "more=b"], rescale=("b=fit",)).predictions().folders
    assert (first.fits, second.fits) == (False, True)


def test_a_word_of_its_own_is_a_list_of_one() -> None:
    ((folder, options),) = PredictionWords("out", tables="out.csv", rescale="fit").predictions().folders
    assert folder == PredictionFolder(Path("out"), "out", table=Path("out.csv"))
    assert options.fits
    assert PredictionWords().predictions().folders == ()


def test_files_are_read_as_asked() -> None:
    words = PredictionWords(["out"], reading=SeriesReadingWords(nonfinite="zero"))
    ((_, options),) = words.predictions().folders
    assert options.reading == Reading(nonfinite="zero")


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (PredictionWords(resamples=True), "E004", "--resample without --predictions"),
        (PredictionWords(tables=("t.csv",)), "E004", "--match without --predictions"),
        (PredictionWords("out=a", rescale=("b=1,2",)), "E004", "--rescale b=1,2"),
        (PredictionWords("out=a", rescale=("1",)), "E001", "--rescale 1"),
        (PredictionWords("out=a", rescale=("0,1",)), "E001", "--rescale 0,1"),
        (PredictionWords("out=a", rescale=("nan,1",)), "E001", "--rescale nan,1"),
    ],
)
def test_words_that_do_not_fit_are_refused(words: PredictionWords, code: str, part: str) -> None:
    with pytest.raises(UsageError, match=part) as refused:
        words.predictions()
    assert refused.value.code == code
