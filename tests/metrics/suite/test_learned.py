"""Facts of metrics that networks measure."""

from __future__ import annotations

from transmodal.metrics import registry
from transmodal.metrics.suite.learned import METRICS


def test_overlap_is_better_where_higher_and_distances_where_lower() -> None:
    assert {metric.name for metric in METRICS if metric.best == "higher"} == {"dice"}
    assert {metric.name for metric in METRICS if metric.learned == "split"} == {"fid", "kid"}
    assert {metric.name: metric.unit for metric in METRICS if metric.unit != "1"} == {"hd95": "mm"}


def test_their_names_are_registered_once() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    assert all(registry.find(name) is metric for name, metric in zip(names, METRICS, strict=True))


def test_figures_of_structures_are_of_grey_volumes_and_may_be_missing() -> None:
    structures = [metric for metric in METRICS if "structures" in metric.no_value]
    assert [metric.name for metric in structures] == ["dice", "hd95"]
    assert all(metric.kind == "grey" and metric.dims == (3,) for metric in structures)
