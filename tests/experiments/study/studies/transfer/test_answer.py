"""The study of transfer: a planted site is found, a sham one is not, and what is complete is not done again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from transmodal.errors import InputError, UsageError
from transmodal.experiments.study import parts
from transmodal.experiments.study.bench import Bench, CohortFiles
from transmodal.experiments.study.record import StudyFigure
from transmodal.experiments.study.studies import find
from transmodal.experiments.study.studies.transfer.answer import STUDY, Options
from transmodal.experiments.study.studies.transfer.contrasts import CONTRASTS, GAIN
from transmodal.experiments.study.studies.transfer.crossings import DROP, LOSS, MATRIX, RISE

BenchOf = Callable[..., Bench[Options]]


def pick(figures: tuple[StudyFigure, ...], table: str, group: str, figure: str) -> StudyFigure:
    return next(f for f in figures if (f.table, f.group, f.figure) == (table, group, figure))


def test_a_planted_site_costs_and_like_sites_do_not(
    bench_of: BenchOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = STUDY.answer(bench_of())
    planted = pick(findings.figures, DROP, "site: A and B", RISE)
    assert planted.value is not None
    assert planted.interval is not None
    assert planted.interval[0] > 10
    assert (planted.n, planted.p) == (6, pytest.approx(2 / 2**6))
    assert (pick(findings.figures, DROP, "site: A and B", LOSS).value or 0) > 0.1
    at_home = pick(findings.figures, MATRIX, "site: A, A", "MAE").value or 0
    away = pick(findings.figures, MATRIX, "site: A, B", "MAE").value or 0
    assert away > 2 * at_home
    assert any(s.startswith("unet_regression, site: A and B: on the group") for s in findings.sentences)
    assert {entrant.row for entrant in findings.entrants} == {
        "unet_regression, site A",
        "unet_regression, site B",
    }

    monkeypatch.setattr(parts, "resplit", None)  # a part that is there is taken as it is
    assert STUDY.answer(bench_of()).figures == findings.figures

    monkeypatch.undo()
    like = pick(STUDY.answer(bench_of(planted=False)).figures, DROP, "site: A and B", RISE)
    assert abs(like.value or 0) < planted.value / 10


def test_the_same_recipe_for_another_target_is_held_against_the_mean_target(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(by=[], targets=["t2"]))
    groups = [f.group for f in findings.figures if f.figure == GAIN]
    assert groups == ["fa", "t2"]
    assert all(f.table == CONTRASTS for f in findings.figures)
    assert len(findings.sentences) == 2
    assert not findings.charts


def test_fewer_subjects_are_taken_on_request_and_few_are_said_to_be_too_few(bench_of: BenchOf) -> None:
    bench = bench_of(by=["age:25"], subjects=1)
    with pytest.raises(InputError, match="age with 1 groups that have training and test subjects"):
        STUDY.answer(bench)
    findings = STUDY.answer(bench_of(by=["chance"], subjects=1))
    assert "1 training subjects each" in findings.protocol
    assert pick(findings.figures, DROP, "chance: first half and second half", RISE).n == 6


def test_what_cannot_be_asked_is_refused(bench_of: BenchOf) -> None:
    with pytest.raises(UsageError, match="--option by=\\[\\] without targets"):
        STUDY.answer(bench_of(by=[]))
    bench = bench_of()
    with pytest.raises(UsageError, match="--split train"):
        STUDY.answer(replace(bench, split="train"))
    with pytest.raises(UsageError, match="--training-cohort"):
        STUDY.answer(replace(bench, material=replace_training(bench.material)))
    assert find("transfer") is STUDY


def replace_training(material: CohortFiles) -> CohortFiles:
    return material._replace(training_cohort=material.phenotypes)
