"""Tables: who is ranked and who is not, the files, the docs' page."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from transmodal.evaluation.compare.compare import Comparison, compare
from transmodal.evaluation.compare.table import markdown
from transmodal.experiments.benchmark import table

MARK = table.NOT_CONVERGED


@pytest.fixture
def comparison(done: Any) -> Comparison:  # noqa: ANN401
    runs = sorted((done.folder / "runs").glob("[wl]*/seed-*"))
    return compare([*runs, done.folder / "oracles" / "fa"], metric="mae")


def with_means(comparison: Comparison, means: dict[str, float]) -> Comparison:
    rows = [
        replace(one, description=one.description._replace(mean=means[one.name])) for one in comparison.rows
    ]
    rows.sort(key=lambda one: (one.is_oracle, one.description.mean))
    return replace(comparison, rows=tuple(rows), reference=rows[0].name)


ORACLES = {"mean_target": 0.3, "lookup": 0.2, "linear_patch": 0.1}


def test_a_row_under_an_oracle_is_marked_and_not_ranked(comparison: Comparison) -> None:
    made = table.rank(with_means(comparison, {"whole": 0.05, "l1-alone": 0.15, **ORACLES}))
    assert [one.name for one in made.rows] == [
        "whole",
        f"l1-alone{MARK}",
        "linear_patch",
        "lookup",
        "mean_target",
    ]
    assert made.reference == "whole"
    assert made.notes[0].endswith("l1-alone.")
    assert [row["rank"] for row in table.to_json(made)["rows"]] == [1, None, None, None, None]


def test_what_equals_an_oracle_is_not_ranked_and_all_may_fail(comparison: Comparison) -> None:
    made = table.rank(with_means(comparison, {"whole": 0.1, "l1-alone": 0.2, **ORACLES}))
    assert [one.name for one in made.rows][:2] == [f"whole{MARK}", f"l1-alone{MARK}"]
    assert made.reference == f"whole{MARK}"
    assert "reference" in markdown(made)


def test_all_may_be_ranked(comparison: Comparison) -> None:
    made = table.rank(with_means(comparison, {"whole": 0.02, "l1-alone": 0.01, **ORACLES}), ["it broke"])
    assert [row["rank"] for row in table.to_json(made)["rows"]][:2] == [1, 2]
    assert [one.name for one in made.rows][:2] == ["l1-alone", "whole"]
    assert made.notes[0] == "it broke"


def test_one_target_has_its_files_in_the_folder_and_two_have_folders(done: Any, tmp_path: Path) -> None:  # noqa: ANN401
    both = done.result.comparisons
    assert table.write(both, tmp_path) == [tmp_path / "fa", tmp_path / "t2"]
    assert table.write({"fa": both["fa"]}, tmp_path) == [tmp_path]
    for place in (tmp_path, tmp_path / "fa", tmp_path / "t2"):
        assert {path.name for path in place.iterdir() if path.is_file()} == {
            "comparison.md",
            "comparison.csv",
            "comparison.tex",
            "comparison.html",
            "patients.csv",
        }
    assert "whole" in (tmp_path / "comparison.tex").read_text()


def test_the_page_says_what_was_measured(done: Any) -> None:  # noqa: ANN401
    content = copy.deepcopy(dict(done.result.content))
    content["commit"] = "c" * 40 + "-dirty"
    text = table.page(content)
    for said in (
        "## tiny",
        "Two ways to train, on phantoms. Budget: 4 steps. Seeds: 1, 2.",
        "### fa",
        "### t2",
        "| *lookup* |",
        "- l1-alone: without SSIM.",
        "2 subjects to train, 1 to validate, 2 to test",
        "at commit `cccccccccccc-dirty`",
        "docs/results/benchmarks/tiny.json",
        "inside the evaluation mask",
    ):
        assert said in text, said

    content["tables"] = {"fa": content["tables"]["fa"]}
    content["commit"] = None
    assert "### fa" not in table.page(content)
    assert "at commit" not in table.page(content)


def test_a_row_of_the_page() -> None:
    kind = {"metric": "mae", "unit": "FA", "protocol": "in the mask", "region": "mask", "dims": 3}
    others = [{**kind, "metric": "ssim", "unit": "1", "dims": dims} for dims in (2, 3)]
    row = {
        "name": f"net{MARK}",
        "rank": None,
        "oracle": False,
        "trainings": 3,
        "description": {"mean": 0.12345, "sd": 0.01, "of_mean": [0.1, 0.15]},
        "difference": {"mean": -0.02, "interval": [-0.03, -0.01], "rank_biserial": -0.5},
        "p_holm": 0.0004,
        "others": [{"mean": 22.5, "sd": None}, {"mean": None, "sd": None}],
        "parameters": 2_342_929,
        "training_seconds": 61.7,
    }
    one = {**row, "name": "one", "rank": 1, "trainings": 1, "difference": None, "p_holm": None}
    seeds = {"over_seeds": {"mae": {"mean": 0.12345, "sd": 0.0021}}}
    content = {"entries": {"net": seeds, "one": seeds}}
    table_ = {"metric": kind, "others": others, "rows": [one, row], "reference": "one"}
    head, _, first, second = table.rows(content, table_)
    assert head == (
        "| Rank |  | MAE (FA) ↓ | 95 % of the mean | over seeds | Difference to one | p (Holm) | r | SSIM 2D ↑ | SSIM 3D ↑ "
        "| Parameters | Training |"
    )
    dash, minus = "\N{EN DASH}", "\N{MINUS SIGN}"
    assert first == (
        f"| 1 | one | 0.1235 ± 0.0100 | 0.1000 to 0.1500 | {dash} | reference | {dash} | {dash} | 22.50 | {dash} | 2.34 M | 62 s |"
    )
    assert second == (
        f"| {dash} | net{MARK} | 0.1235 ± 0.0100 | 0.1000 to 0.1500 | ± 0.0021 | {minus}0.0200 ({minus}0.0300 to {minus}0.0100) "
        f"| <0.001 | -0.50 | 22.50 | {dash} | 2.34 M | 62 s |"
    )
