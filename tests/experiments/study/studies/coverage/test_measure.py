"""What is counted: voxels between the written ends, and regional means within their width."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from transmodal.cohorts.store import Cohort
from transmodal.evaluation.calibrate import calibrate, translate_case
from transmodal.experiments.study.studies.coverage.measure import CoverageItem, SubjectGroup, measure_coverage


def test_shares_are_those_of_the_written_ends(home: Path, bench_of: object) -> None:
    from transmodal.experiments.study.studies.coverage import measure

    item = CoverageItem(
        (Path("1"),), home, (SubjectGroup("test subjects", home, "test"),), (0.5, 0.99), "cpu"
    )
    content = measure_coverage(item)
    assert content["levels"] == ["0.5"]
    assert (content["subjects"], content["score"], content["unit"]) == (14, "absolute", "FA")
    model = measure.load(Path("1"))
    calibration = calibrate(model, Cohort.open(home))
    interval = calibration.interval(0.5)
    for counted, case in zip(content["cases"], Cohort.open(home).cases("test"), strict=True):
        assert counted["case"] == case.id
        made = interval.apply(translate_case(model, case), model.preprocessing.bounds)
        assert made.interval is not None
        lower, upper = (end.voxels for end in made.interval)
        target = case.volume("fa").voxels
        inside = np.ones(target.shape, bool) if made.region is None else made.region.voxels > 0
        held = ((lower <= target) & (target <= upper))[inside].mean()
        assert counted["levels"]["0.5"]["covered"] == held
        assert set(counted["levels"]["0.5"]["regions"]) == {"region", "label 1", "label 2"}


def test_a_group_is_a_side_of_a_split_or_all_of_a_cohort(home: Path) -> None:
    assert len(SubjectGroup("a", home, "validation").cases()) == 14
    assert len(SubjectGroup("a", home, "all").cases()) == 25
