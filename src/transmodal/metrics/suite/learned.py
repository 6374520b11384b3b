"""Metrics that a network of `evaluation.learned` measures, from weights that the user gives: facts without torch."""

from __future__ import annotations

from transmodal.metrics.metric import Metric

_NO_STRUCTURE = "neither image has any of the structures"

METRICS = (
    Metric("lpips", "1", "lower", learned="slices"),
    Metric("lpips_vgg", "1", "lower", learned="slices"),
    Metric("dists", "1", "lower", learned="slices"),
    Metric("fid", "1", "lower", learned="split"),
    Metric("kid", "1", "lower", learned="split"),
    Metric("dice", "1", "higher", learned="volume", kind="grey", no_value=_NO_STRUCTURE),
    Metric("hd95", "mm", "lower", learned="volume", kind="grey", no_value=_NO_STRUCTURE),
)
