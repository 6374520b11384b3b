"""The study of biology: finds people in translations that keep them, and none where everybody was made alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from transmodal.errors import InputError, UsageError
from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.studies.biology import answer, values
from transmodal.experiments.study.studies.biology.agreement import DETAILS, MEDIANS
from transmodal.experiments.study.studies.biology.answer import STUDY, Options
from transmodal.volumes import Volume

Rule = Callable[[Volume, int], Volume]
BenchOf = Callable[[Mapping[str, Rule]], Bench[Options]]


def keep(target: Volume, _: int) -> Volume:
    return target.with_voxels(0.9 * target.voxels)


def invent(target: Volume, number: int) -> Volume:
    level = np.random.default_rng(100 + number).normal(0.5, 0.1)
    return target.with_voxels(np.full_like(target.voxels, level))


def test_a_planted_effect_is_found(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of({"unet": keep}))
    r = next(f for f in findings.figures if f.table == MEDIANS and f.figure == "Pearson r")
    assert r.value == pytest.approx(1)
    assert r.interval == pytest.approx((1, 1))
    assert findings.sentences[0].endswith("unet (r 1.00, slope 0.90).")
    assert [table.name for table in findings.tables] == [MEDIANS, DETAILS]


def test_nothing_is_found_where_nothing_was_planted(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of({"unet": invent, "mean_target": keep}))
    assert "unet (not shown to, r " in findings.sentences[0]
    r = next(f for f in findings.figures if (f.table, f.row, f.figure) == (MEDIANS, "unet", "Pearson r"))
    assert r.interval is not None
    assert r.interval[0] < 0 < r.interval[1]


def test_omissions_say_why(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of({"unet": keep}))
    reasons = {omission.part: omission.reason for omission in findings.omissions}
    assert "--subjects" in reasons["planted signals"]
    assert "--subjects" in reasons["lesions"]
    assert "--phenotypes" in reasons["prediction of a phenotype"]


def test_a_column_without_a_table_is_refused(bench_of: BenchOf) -> None:
    bench = replace(bench_of({"unet": keep}), options=Options(phenotype="age"))
    with pytest.raises(UsageError, match="--phenotypes TABLE"):
        answer.answer(bench)


def test_a_cohort_without_regions_is_refused(bench_of: BenchOf, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = bench_of({"unet": keep})
    monkeypatch.setattr(values, "_labelled_regions", lambda *_: [])
    with pytest.raises(InputError, match="without regions"):
        answer.answer(bench)
