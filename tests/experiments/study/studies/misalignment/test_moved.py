"""Moved cases: figures at rest are those of the evaluation, and too small a rest of the mask has none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.scored import score_entrants
from transmodal.experiments.study.studies.misalignment.answer import Options
from transmodal.experiments.study.studies.misalignment.moved import MovedItem, measure_moved
from transmodal.experiments.study.units import Content

BenchOf = Callable[..., Bench[Options]]


def measure(
    bench: Bench[Options], source: str, steps: tuple[float, ...]
) -> tuple[Content, dict[str, float | None]]:
    run = bench.entrants[0]
    scored = score_entrants(bench, bench.entrants)[run.label]
    case = scored.cases()[0].id
    content = measure_moved(MovedItem(run, scored.folder, bench.cohort.folder, case, source, steps, "cpu"))
    rows = {
        row.metric: row.value
        for row in scored.content.rows
        if row.case == case and scored.content.protocols[row.protocol].region == "mask"
    }
    return content, rows


def test_figures_at_rest_are_those_of_the_evaluation(bench_of: BenchOf) -> None:
    content, rows = measure(bench_of("both"), "t2", (1.0,))
    assert [row["kind"] for row in content["rows"]] == ["translation", "rotation", "scale", "non-rigid"]
    for row in content["rows"]:
        assert row["mae at rest"] == pytest.approx(rows["mae"], rel=1e-3)
        assert row["mae"] != row["mae at rest"]


def test_an_only_source_is_scored_where_it_returns(bench_of: BenchOf) -> None:
    content, _ = measure(bench_of("alone"), "t1", (1.0, 15.0))
    far = [row for row in content["rows"] if (row["kind"], row["step"]) == ("translation", 15.0)]
    near = [row for row in content["rows"] if (row["kind"], row["step"]) == ("translation", 1.0)]
    assert len(near) == 1
    assert all(row["mae at rest"] != near[0]["mae at rest"] for row in far)
