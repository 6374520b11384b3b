"""A case's Dice follows from what stands in the target's place; without labels of its own it has the segmenter's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.studies.consistency.classifier import LearnItem, learn_gaussians
from transmodal.experiments.study.studies.consistency.put_in import PutInItem, measure_put_in

BenchOf = Callable[..., Bench[Any]]


def item_of(bench: Bench[Any], balls: Path) -> PutInItem:
    contrasts = ("t1", "t2")
    case = bench.cohort.cases("test")[0].id
    gaussians = learn_gaussians(LearnItem(balls, contrasts))
    own = bench.folder / "own"
    return PutInItem(bench.entrants[0], own, balls, case, contrasts, None, gaussians, "zscore")


def test_gain_of_the_synthetic_volume_does_not_matter(bench_of: BenchOf, balls: Path) -> None:
    bench = bench_of(lambda target, _: target.voxels * 3 + 50)
    content = measure_put_in(item_of(bench, balls))
    dice = content["dice"]
    assert content["has reference"]
    assert set(dice["measured"]) == {"1", "2", "3"}
    assert dice["synthetic"] == pytest.approx(dice["measured"], abs=0.02)
    assert dice["without"]["3"] < dice["measured"]["3"] - 0.2


def test_without_labels_the_measured_contrasts_are_the_reference(
    bench_of: BenchOf, balls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = bench_of(lambda target, _: np.flip(target.voxels, 0))
    item = item_of(bench, balls)
    assert Cohort.open(balls).case(item.case).segmentation() is not None
    monkeypatch.setattr(PreparedCase, "segmentation", lambda *_: None)
    content = measure_put_in(item)
    assert not content["has reference"]
    assert set(content["dice"]["measured"].values()) == {1.0}
    assert max(content["dice"]["synthetic"].values()) < 1
