"""The study of few pairs: more subjects help where the first one misleads, and not where the first one is enough."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from transmodal.errors import InputError
from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.record import StudyFigure
from transmodal.experiments.study.studies import find
from transmodal.experiments.study.studies.few_pairs.answer import STUDY, Options
from transmodal.experiments.study.studies.few_pairs.curves import AGAINST, GAIN, LESS, MORE, QUALITY
from transmodal.training.run import Run

BenchOf = Callable[..., Bench[Options]]


def pick(figures: tuple[StudyFigure, ...], table: str, figure: str, group: str = "1 to 4") -> StudyFigure:
    return next(f for f in figures if (f.table, f.figure, f.group) == (table, figure, group))


def test_more_subjects_help_where_the_first_misleads_and_not_where_it_is_enough(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of("with", counts=[1, 4, 9]))
    planted = pick(findings.figures, MORE, GAIN)
    assert planted.value is not None
    assert planted.interval is not None
    assert planted.interval[0] > 5
    assert planted.p == pytest.approx(2 / 2**6)
    assert any("1 to 4 subjects: the error falls by" in sentence for sentence in findings.sentences)
    assert [omission.part for omission in findings.omissions] == ["9 subjects", "half-paired"]
    assert not [figure for figure in findings.figures if figure.table == AGAINST]

    like = pick(STUDY.answer(bench_of("with", planted=False)).figures, MORE, GAIN)
    assert abs(like.value or 0) < planted.value / 4


def test_pairs_and_no_pairs_have_the_same_subjects_and_steps(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of("with", "without", steps=3))
    assert {figure.row for figure in findings.figures if figure.table == QUALITY} == {
        "unet_regression, pairs",
        "cyclegan, no pairs",
    }
    assert pick(findings.figures, AGAINST, LESS, "4").row == "unet_regression against cyclegan"
    assert "cyclegan draws targets from other places" in findings.omissions[-1].reason
    for entrant in findings.entrants:
        curve = Run(entrant.folder).curves.read_text().splitlines()
        assert entrant.recipe.training.samples_per_epoch == 12
        assert curve[-1].startswith(("3,", "train,"))
    assert len(findings.entrants) == 4


def test_half_pairs_have_all_subjects_and_the_pairs_of_some(bench_of: BenchOf) -> None:
    bench = bench_of("with", "half", steps=3)
    findings = STUDY.answer(bench)
    rows = {figure.row for figure in findings.figures if figure.table == QUALITY}
    assert rows == {"unet_regression, pairs", "cyclegan, half-paired"}
    assert pick(findings.figures, AGAINST, LESS, "1").row == "cyclegan against unet_regression"
    assert findings.omissions == ()
    half = [entrant for entrant in findings.entrants if entrant.recipe.translator == "cyclegan"]
    assert [entrant.row for entrant in half] == [f"cyclegan, {n} of 4 subjects with pairs" for n in (1, 4)]
    assert [entrant.recipe.training.paired_patients for entrant in half] == [1, 4]
    parts = sorted(folder.name[:6] for folder in (bench.folder / "cohorts").iterdir())
    assert parts == ["part-1", "part-4"]  # those of the paired one; of the half-paired one the larger alone
    for entrant in half:
        assert "generators/paired," in Run(entrant.folder).curves.read_text()


def test_a_cohort_with_too_few_subjects_is_refused(bench_of: BenchOf) -> None:
    with pytest.raises(InputError, match="4 training subjects for counts of 1, 8"):
        STUDY.answer(bench_of("with", counts=[1, 8]))
    assert find("few-pairs") is STUDY
