"""Words of a request for an evaluation, and what they mean."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from transmodal.cohorts.store import Cohort
from transmodal.commands._evaluation_words import (
    CaseWords,
    EvaluationWords,
    FigureWords,
    ModelWords,
    NetworkWords,
    open_cohort,
    oracles_of,
    words_of,
)
from transmodal.commands._passes import Computing, PassWords
from transmodal.commands._prediction_words import PredictionWords
from transmodal.errors import InputError, UsageError


def words(*, metrics: str = "mae", oracles: str = "none", axes: str = "") -> EvaluationWords:
    return EvaluationWords(
        CaseWords(),
        FigureWords(oracles, metrics=metrics),
        NetworkWords(),
        ModelWords("last", "cpu", ["t2"], Computing.AUTO),
        PassWords(axes),
        PredictionWords(),
        save_volumes=True,
    )


def test_a_request_holds_what_the_words_say() -> None:
    request = words(metrics="mae, ssim", oracles="standard", axes="z,x").request()
    assert request.selection.split == "test"
    assert request.translation.checkpoint == "last"
    assert request.translation.passes.axes == ("z", "x")
    assert request.translation.without == ("t2",)
    assert request.translation.engine == "auto"
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


@pytest.mark.parametrize(("table", "by"), [(Path("people.tsv"), ()), (None, ["age"])])
def test_a_table_and_its_columns_go_together(table: Path | None, by: list[str]) -> None:
    with pytest.raises(UsageError, match=r"without --(by|phenotypes)") as refused:
        CaseWords("test", table, by).selection(None)
    assert refused.value.code == "E004"


def test_a_cohort_is_opened_once(folders: Path) -> None:
    cohort = open_cohort("cohort")
    assert cohort.folder == Path("cohort")
    assert open_cohort(cohort) is cohort
    assert isinstance(CaseWords().selection("cohort").training_cohort, Cohort)
    with pytest.raises(InputError):
        open_cohort("run")


@pytest.mark.parametrize("window", ["1", "a,b", "1,2,3"])
def test_a_window_is_two_numbers(window: str) -> None:
    networks = NetworkWords((), Path("organs.onnx"), window)
    with pytest.raises(UsageError, match="--segmenter-window") as refused:
        FigureWords().choice(networks, "cpu")
    assert refused.value.code == "E001"


def test_a_protocol_adds_the_figures_of_its_challenge() -> None:
    figures = FigureWords(metrics="mae", protocols=("synthrad2023", "synthrad2025"))
    assert figures.choice(NetworkWords(), "cpu").plain == (
        "mae",
        "mae_synthrad2023",
        "psnr_synthrad2023",
        "ssim_synthrad2023",
        "mae_synthrad2025",
        "psnr_synthrad2025",
        "ms_ssim_synthrad2025",
    )
    with pytest.raises(UsageError, match="--protocol synthrad2024") as refused:
        replace(figures, protocols=["synthrad2024"]).choice(NetworkWords(), "cpu")
    assert refused.value.code == "E002"
    assert "synthrad202" in refused.value.remedy
