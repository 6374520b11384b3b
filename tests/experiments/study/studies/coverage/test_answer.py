"""The study of coverage: sees that a promise is broken where a site was planted, and that it holds where none was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from transmodal.errors import InputError, UsageError
from transmodal.experiments.study.bench import Bench, CohortFiles
from transmodal.experiments.study.record import StudyFigure
from transmodal.experiments.study.studies._base import Findings
from transmodal.experiments.study.studies.coverage.answer import STUDY
from transmodal.experiments.study.studies.coverage.figures import COVERED, REGIONS, VOXELS, WIDTH, WORST

BenchOf = Callable[..., Bench[Any]]


def pick(findings: Findings, table: str, group: str, figure: str, row: str = "unet") -> StudyFigure:
    places = [(f.table, f.row, f.group, f.figure) for f in findings.figures]
    return findings.figures[places.index((table, row, group, figure))]


def test_a_planted_effect_is_found(bench_of: BenchOf, elsewhere: Path) -> None:
    """FA that lies higher at another site, which no source shows, is in no interval."""
    findings = STUDY.answer(bench_of(elsewhere))
    away = pick(findings, VOXELS, "another site, 90 %", COVERED)
    assert away.value is not None
    assert away.value < 0.5
    assert (away.note, away.n) == ("not as stated", 8)
    regions = pick(findings, REGIONS, "another site, 90 %", COVERED)
    assert (regions.value or 0) < 0.5
    assert "on the test subjects at 80 % in 1 of 1 row and at 90 % in 1 of 1 row" in findings.sentences[0]
    assert "on another site at 80 % in 0 of 1 row and at 90 % in 0 of 1 row" in findings.sentences[0]
    assert any("another site" in line and line.count("it does not hold") for line in findings.sentences)


def test_nothing_is_found_where_nothing_was_planted(bench_of: BenchOf, alike: Path) -> None:
    findings = STUDY.answer(bench_of(alike))
    for group in ("test subjects, 80 %", "test subjects, 90 %", "another site, 80 %", "another site, 90 %"):
        figure = pick(findings, VOXELS, group, COVERED)
        assert figure.note == "", (group, figure.value)
        worst, width = (pick(findings, VOXELS, group, name).value or 0 for name in (WORST, WIDTH))
        assert worst <= (figure.value or 0)
        assert 0 < width < 1
    assert findings.sentences[0].count("in 1 of 1 row") == 4
    assert "14 validation subjects calibrated" in findings.notes[0]
    assert "80 %: 85.7 %, 90 %: 96.4 %" in findings.notes[0]
    shares = [f.interval for f in findings.figures if f.figure == COVERED and f.interval is not None]
    assert shares
    assert all(0 <= low <= high <= 1 for low, high in shares)
    narrow, wide = (
        pick(findings, VOXELS, f"test subjects, {level} %", WIDTH).value or 0 for level in (80, 90)
    )
    assert narrow < wide
    assert findings.omissions == ()


def test_runs_of_several_seeds_are_one_row_and_an_ensemble(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(seeds=(1, 2)))
    together = pick(findings, VOXELS, "test subjects, 90 %", COVERED, "unet, 2 runs together")
    assert together.note == "", together.value
    assert pick(findings, VOXELS, "test subjects, 90 %", COVERED).n == 10
    assert [omission.part for omission in findings.omissions] == ["another site"]


def test_levels_beyond_the_subjects_are_left_out_or_refused(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(options={"levels": (0.8, 0.95)}))
    assert "14 validation subjects promise at most 93.3 %" in findings.omissions[-1].reason
    assert not any("95 %" in figure.group for figure in findings.figures)
    with pytest.raises(InputError) as caught:
        STUDY.answer(bench_of(options={"levels": (0.99,)}))
    assert caught.value.code == "E142"
    with pytest.raises(UsageError) as refused:
        STUDY.answer(bench_of(options={"levels": (95.0,)}))
    assert refused.value.code == "E001"


@pytest.mark.parametrize("split", ["train", "validation", "all"])
def test_subjects_that_train_or_calibrate_test_nothing(split: str, bench_of: BenchOf) -> None:
    with pytest.raises(UsageError, match=f"coverage of the split {split}") as caught:
        STUDY.answer(bench_of(split=split))
    assert caught.value.code == "E004"


def test_a_cohort_apart_may_calibrate(bench_of: BenchOf, home: Path) -> None:
    findings = STUDY.answer(bench_of(split="all", material=CohortFiles(training_cohort=home)))
    assert pick(findings, VOXELS, "test subjects, 80 %", COVERED).n == 25
