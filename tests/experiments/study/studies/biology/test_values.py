"""Regional values: of labels or planted regions, of every translator, the same for measured and synthetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.studies.biology import answer, values
from transmodal.experiments.study.studies.biology.values import Source, gather
from transmodal.experiments.study.units import Content
from transmodal.volumes import Volume

BenchOf = Callable[[Mapping[str, Callable[[Volume, int], Volume]]], Bench[answer.Options]]


def doubled(target: Volume, _: int) -> Volume:
    return target.with_voxels(2 * target.voxels)


def test_values_are_means_over_the_labels_of_every_case(bench_of: BenchOf) -> None:
    bench = bench_of({"unet": doubled})
    scored: Any = answer.score_entrants(bench, bench.entrants)
    sources = values.list_sources(bench, scored)
    contents = values.measure(bench, scored, sources)
    case = bench.cohort.cases("test")[0]
    labels, fa = case.segmentation(), case.volume("fa").voxels
    regions = contents[case.id]["regions"]
    assert [region["region"] for region in regions] == ["left half", "label 2"]
    for label, region in enumerate(regions, start=1):
        assert region["n"] == (labels == label).sum()
        assert region["measured"]["unet, seed 1"] == pytest.approx(fa[labels == label].mean(), rel=1e-5)
        assert region["synthetic"]["unet, seed 1"] == pytest.approx(2 * fa[labels == label].mean(), rel=1e-5)
    row = gather(list(contents.values()), sources)["unet"]
    assert row.measured.shape == (6, 2)
    np.testing.assert_allclose(row.synthetic[0], 2 * row.measured, rtol=1e-5)
    assert row.linked is None


def content(case: str, patient: str, value: float, n: int = 50) -> Content:
    regions = [
        {
            "region": name,
            "n": count,
            "linked": value,
            "own": -value,
            "measured": {"unet, seed 1": value, "unet, seed 2": value},
            "synthetic": {"unet, seed 1": value + 1, "unet, seed 2": value + 2},
        }
        for name, count in (("large, grey matter", 100), ("small, white matter", n))
    ]
    return {"case": case, "patient": patient, "regions": regions}


def test_cases_of_a_patient_are_averaged_and_small_regions_left_out(tmp_path: Any) -> None:  # noqa: ANN401
    sources = [Source("unet", seed, tmp_path, "unet") for seed in (1, 2)]
    contents = [content("a", "p", 1.0), content("b", "p", 3.0), content("c", "q", 5.0, n=19)]
    row = gather(contents, sources)["unet"]
    assert row.regions == ("large, grey matter",)
    assert row.patients == ("p", "q")
    assert row.measured.tolist() == [[2.0], [5.0]]
    assert row.synthetic.tolist() == [[[3.0], [6.0]], [[4.0], [7.0]]]
    assert row.linked is not None
    assert row.linked.tolist() == [[2.0], [5.0]]
    both = gather(contents[:2], sources)["unet"]
    assert both.within("white matter").regions == ("small, white matter",)
    assert both.within("white matter").synthetic.shape == (2, 1, 1)
