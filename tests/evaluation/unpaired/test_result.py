"""Figures of a split without pairs, in words and for JSON."""

from __future__ import annotations

from transmodal.evaluation.unpaired.result import CYCLE, UnpairedEvaluation

FIGURES = UnpairedEvaluation(
    ("t1",), "ct", "two", "d" * 64, "test", ("a", "b"), ("c",), {"cyclegan": {"epochs": 3}},
    {"cyclegan": {"a": 0.01, "b": 0.03}}, (), notes=("no FID: no weights were given",),
)  # fmt: skip


def test_the_summary_says_that_there_are_no_pairs_and_gives_means() -> None:
    assert FIGURES.summary_text().splitlines() == [
        "two, test: 2 cases of t1, 1 of ct, no pairs",
        "cyclegan: cycle error 2 % of the range, 2 cases",
        "no FID: no weights were given",
    ]


def test_every_case_is_a_row_of_the_json() -> None:
    data = FIGURES.to_json()
    assert data["pairs"] is False
    assert [(row["case"], row["metric"], row["value"]) for row in data["rows"]] == [
        ("a", CYCLE, 0.01),
        ("b", CYCLE, 0.03),
    ]
    assert data["models"] == {"cyclegan": {"epochs": 3}}
    assert data["cohort"] == {"name": "two", "digest": "d" * 64, "split": "test"}
