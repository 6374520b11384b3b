"""Maps: overlap and explained variance by hand, kinds of runs, and the slices that are looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from transmodal.errors import UsageError
from transmodal.experiments.study.bench import Bench, Entrant
from transmodal.experiments.study.scored import score_entrants
from transmodal.experiments.study.studies.masks.answer import Options
from transmodal.experiments.study.studies.masks.maps import (
    STRONGEST,
    MapItem,
    explained,
    list_maps,
    measure_case,
    overlap,
)

BenchOf = Callable[..., Bench[Options]]


def test_overlap_of_the_same_of_opposite_and_of_unrelated_maps() -> None:
    values = np.random.default_rng(0).random(4000)
    assert overlap(values, values) == 1
    assert overlap(values, -values) == 0
    assert overlap(values, np.random.default_rng(1).random(4000)) == pytest.approx(STRONGEST, abs=0.05)


def test_variance_between_tissues_by_hand() -> None:
    labels = np.repeat([1, 2], 50)
    assert explained(labels.astype(float), labels) == pytest.approx(1)
    assert explained(np.tile([0.0, 1.0], 50), labels) == pytest.approx(0)
    assert explained(np.ones(100), labels) == 0
    noisy = labels + np.tile([-0.5, 0.5], 50)
    assert explained(noisy, labels) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("translator", "settings", "kind"),
    [("mrnet", {}, "masks"), ("agi_net", {"cga": "spatial"}, "attention")],
)
def test_kinds_of_maps(translator: str, settings: dict[str, object], kind: str) -> None:
    assert list_maps(entrant(translator, settings)) == kind


@pytest.mark.parametrize(
    ("translator", "settings"), [("pix2pix", {}), ("mrnet", {"masks": 0}), ("agi_net", {"cga": "none"})]
)
def test_runs_without_maps_are_refused(translator: str, settings: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="without maps"):
        list_maps(entrant(translator, settings))


def test_a_case_has_figures_of_every_map(bench_of: BenchOf) -> None:
    bench = bench_of("agi_net", "mrnet")
    scored = score_entrants(bench, bench.entrants)
    contents = {}
    for run in bench.entrants:
        evaluation = scored[run.label]
        case = evaluation.cases()[0].id
        contents[run.row] = measure_case(MapItem(run, evaluation.folder, bench.cohort.folder, case, 4, "cpu"))
    assert set(contents["mrnet"]["maps"]) == {"mask 1", "mask 2"}
    assert [pair["second"] for pair in contents["mrnet"]["pairs"]] == ["mask 2"]
    assert set(contents["mrnet"]["maps"]["mask 1"]["tissues"]) == {"label 1", "label 2"}
    assert contents["agi_net"]["pairs"] == []
    assert "encoder.0, group 1" in contents["agi_net"]["maps"]


def entrant(translator: str, settings: dict[str, object]) -> Entrant:
    recipe = SimpleNamespace(translator=translator, settings=settings, training=SimpleNamespace(seed=1))
    return Entrant(translator, Path(), cast("Any", recipe), "0")
