"""Words of a request for an evaluation, and what they mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.cohorts.store import Cohort
from transmodal.commands._evaluation_words import (
    CaseWords,
    EvaluationWords,
    FigureWords,
    PassWords,
    open_cohort,
    oracles_of,
    words_of,
)
from transmodal.errors import InputError, UsageError


def words(*, metrics: str = "mae", oracles: str = "none", axes: str = "") -> EvaluationWords:
    figures = FigureWords(metrics, oracles, (), None, None, False)
    return EvaluationWords(
        CaseWords("test", None, None, ()), figures, PassWords(axes, None, 1, None), "last", "cpu", "t2", True
    )


def test_a_request_holds_what_the_words_say() -> None:
    request = words(metrics="mae, ssim", oracles="standard", axes="z,x").request()
    assert request.selection.split == "test"
    assert request.translation.checkpoint == "last"
    assert request.translation.passes.axes == ("z", "x")
    assert request.translation.without == ("t2",)
    assert tuple(request.scoring.metrics) == ("mae", "ssim")
    assert len(request.scoring.oracles) == 3
    assert request.save_volumes


def test_words_are_parted_by_commas_or_by_a_list() -> None:
    assert words_of(" mae, psnr,,ssim ") == words_of(["mae", "psnr", " ssim"]) == ["mae", "psnr", "ssim"]


def test_oracles_are_named_as_sets() -> None:
    assert oracles_of("none") == ()
    assert set(oracles_of("standard")) < set(oracles_of("all"))
    with pytest.raises(UsageError, match="--oracles some") as refused:
        oracles_of("some")
    assert refused.value.code == "E001"


@pytest.mark.parametrize(("table", "by"), [("people.tsv", ()), (None, "age")])
def test_a_table_and_its_columns_go_together(table: str | None, by: str) -> None:
    with pytest.raises(UsageError, match=r"without --(by|phenotypes)") as refused:
        CaseWords("test", None, table, by).selection()
    assert refused.value.code == "E004"


def test_a_cohort_is_opened_once(folders: Path) -> None:
    cohort = open_cohort("cohort")
    assert cohort.folder == Path("cohort")
    assert open_cohort(cohort) is cohort
    assert isinstance(CaseWords("test", "cohort", None, ()).selection().training_cohort, Cohort)
    with pytest.raises(InputError):
        open_cohort("run")


@pytest.mark.parametrize("window", ["1", "a,b", "1,2,3"])
def test_a_window_is_two_numbers(window: str) -> None:
    figures = FigureWords("mae", "none", (), "organs.onnx", window, False)
    with pytest.raises(UsageError, match="--segmenter-window") as refused:
        figures.choice("cpu")
    assert refused.value.code == "E001"
