"""The study of moved sources: a planted effect is found, nothing where there is none, and work is not done twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import UsageError
from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.record import StudyFigure
from transmodal.experiments.study.studies import find
from transmodal.experiments.study.studies.misalignment.answer import LOSS, STUDY, TOLERANCE, WORSE_AT, Options
from transmodal.volumes import Volume

BenchOf = Callable[..., Bench[Options]]
Voxels = NDArray[np.floating]
Plant = Callable[[Callable[[Mapping[str, Volume]], Voxels]], list[str]]
KINDS = ("translation", "rotation", "scale", "non-rigid")


def of_both(sources: Mapping[str, Volume]) -> Voxels:
    """Translate rightly but for 0.01, which is the error at rest."""
    return 0.51 + (sources["t1"].voxels - 500) / 1000 + (sources["t2"].voxels - 500) / 1000


def of_the_first(sources: Mapping[str, Volume]) -> Voxels:
    return 0.5 + (sources["t1"].voxels - 500) / 1000


def pick(figures: tuple[StudyFigure, ...], table: str, group: str, figure: str) -> StudyFigure:
    return next(f for f in figures if (f.table, f.group, f.figure) == (table, group, figure))


def test_a_planted_effect_is_found(bench_of: BenchOf, plant: Plant) -> None:
    plant(of_both)
    findings = STUDY.answer(bench_of("both"))
    figures = findings.figures
    for kind in KINDS:
        curve = [pick(figures, kind.capitalize(), step, "MAE").value or 0 for step in ("0", "0.5", "2")]
        assert curve[0] == pytest.approx(0.01, abs=1e-3)
        assert curve == sorted(curve)
        loss = pick(figures, TOLERANCE, kind, LOSS)
        assert loss.interval is not None
        assert loss.interval[0] > 0
    at = pick(figures, TOLERANCE, "translation", WORSE_AT).value
    assert at is not None
    assert 0 < at < 0.5
    assert (pick(figures, "Translation", "2", "SSIM").value or 0) < 0.9
    assert any("translation: the error is 10 % greater at 0." in s for s in findings.sentences)
    assert [(chart.table, chart.kind) for chart in findings.charts] == [
        (kind.capitalize(), "curves") for kind in KINDS
    ]


def test_nothing_is_found_where_nothing_was_planted(bench_of: BenchOf, plant: Plant) -> None:
    plant(of_the_first)
    findings = STUDY.answer(bench_of("both"))
    for kind in KINDS:
        assert pick(findings.figures, TOLERANCE, kind, LOSS).value == 0
        worse = pick(findings.figures, TOLERANCE, kind, WORSE_AT)
        assert (worse.value, worse.note) == (None, "not within 2")
    assert all("not shown to rise within 2" in sentence for sentence in findings.sentences)


def test_the_named_source_is_moved(bench_of: BenchOf, plant: Plant) -> None:
    plant(of_the_first)
    findings = STUDY.answer(bench_of("both", moved="t1", cases=5))
    loss = pick(findings.figures, TOLERANCE, "translation", LOSS)
    assert (loss.value or 0) > 0.005
    assert loss.n == 5


def test_a_run_of_one_source_is_asked_for_equivariance(bench_of: BenchOf, plant: Plant) -> None:
    plant(of_the_first)
    same = STUDY.answer(bench_of("alone", steps=(4,)))
    assert "moved back" in same.protocol
    cases = bench_of("alone").cohort.cases("test")
    known = [(case.volume("t1").voxels, case.volume("fa").voxels) for case in cases]

    def remember(sources: Mapping[str, Volume]) -> Voxels:
        """Return the FA of the head that looks most alike, where it lay when it was seen."""
        return min(known, key=lambda pair: float(((pair[0] - sources["t1"].voxels) ** 2).sum()))[1] + 0.01

    plant(remember)
    other = STUDY.answer(bench_of("alone", steps=(5,)))  # other steps: the first are complete
    for kind in KINDS:
        assert (pick(other.figures, TOLERANCE, kind, LOSS).value or 0) > 0.004
        assert abs(pick(same.figures, TOLERANCE, kind, LOSS).value or 0) < 1e-6
    assert all("not shown to rise" in sentence for sentence in same.sentences)


def test_complete_cases_are_not_done_again(bench_of: BenchOf, plant: Plant) -> None:
    calls = plant(of_both)
    STUDY.answer(bench_of("both", cases=1))
    assert calls == ["off"] * 9  # at rest, and 4 kinds of 2 steps
    STUDY.answer(bench_of("both", cases=2))
    assert len(calls) == 18


def test_a_trained_run_goes_through_the_users_door(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of("both", cases=1, steps=(1,)))
    values = [f.value for f in findings.figures if f.figure == "MAE"]
    assert len(values) == 8
    assert len(set(values)) > 2


def test_a_source_that_a_run_has_not_is_refused(bench_of: BenchOf) -> None:
    with pytest.raises(UsageError, match="moved=flair"):
        STUDY.answer(bench_of("both", moved="flair"))
    assert find("misalignment") is STUDY
