"""One list of names by which recipes, cohorts and commands find a modality."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from transmodal.cohorts.aliases import alias_of, find_renames
from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare


@pytest.mark.parametrize(
    ("wanted", "there", "found"),
    [
        ("t1", ["t1", "mr"], "t1"),
        ("t1", ["mr", "ct"], "mr"),
        ("mr", ["t1", "ct"], "t1"),
        ("mr", ["T1w", "ct"], "T1w"),
        ("t1", ["t1n", "t1c", "t2w", "t2f"], "t1n"),
        ("t1ce", ["t1n", "t1c", "t2w", "t2f"], "t1c"),
        ("flair", ["t1n", "t1c", "t2w", "t2f"], "t2f"),
        ("t1", ["t1c", "t1ce", "t2"], None),
        ("t1ce", ["t1", "mr"], None),
        ("mr", ["t2", "flair"], None),
        ("t1", ["t1w", "t1n"], None),
        ("t1", ["t1w", "mr"], "t1w"),
    ],
)
def test_true_synonyms_alone(wanted: str, there: Sequence[str], found: str | None) -> None:
    assert alias_of(wanted, there) == found


def test_each_name_is_taken_once() -> None:
    assert find_renames(["t1", "t2"], ["mr", "t2w", "ct"]) == {"mr": "t1", "t2w": "t2"}
    assert find_renames(["t1", "mr"], ["mr", "ct"]) == {}
    assert find_renames(["t1", "t2"], ["t1", "t2"]) == {}


def test_a_cohort_under_a_recipes_names(
    a_case: Callable[..., Case],
    ready: Callable[..., CaseMaker],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = a_case()
    case = replace(case, volumes={"mr": case.volumes["t1"], "ct": case.volumes["ct"]})
    options = PrepareOptions(ratios=(1, 0, 0), regions={"mr": ("body",)})
    cohort = prepare([ready(case)], tmp_path / "cohort", options)
    assert cohort.named_for(["mr", "ct"]) is cohort
    named = cohort.named_for(["t1", "ct"])
    assert named.digest() == cohort.digest()
    assert named.modalities == ("ct", "t1")
    assert named.cases()[0].volume("t1").voxels.sum() == cohort.cases()[0].volume("mr").voxels.sum()
    assert named.cases()[0].region("t1", "body").any()
    assert "mr of cohort is taken as t1" in caplog.text
