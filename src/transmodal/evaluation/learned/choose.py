"""Metrics that need a network whose weights the user gives: LPIPS, DISTS, FID, KID, Dice and HD95 by a segmenter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from transmodal.errors import UsageError
from transmodal.evaluation.learned import _dists_network as dists_network
from transmodal.evaluation.learned import _lpips_network as lpips_network
from transmodal.evaluation.learned import fid
from transmodal.evaluation.learned.base import LearnedMetric, LearnedMetrics
from transmodal.evaluation.learned.dists import Dists
from transmodal.evaluation.learned.fid import InceptionDistances
from transmodal.evaluation.learned.lpips import Lpips
from transmodal.evaluation.learned.segmenter import METRICS as OVERLAP
from transmodal.evaluation.learned.segmenter import SegmentationOverlap, Segmenter, ValueWindow, open_onnx
from transmodal.inference.device import device_of
from transmodal.metrics import registry
from transmodal.metrics.naming import check_names

PERCEPTUAL: Mapping[str, lpips_network.Name] = {
    setting: name for name, setting in lpips_network.SETTINGS.items()
}
METRICS = (*PERCEPTUAL, *Dists.metrics, *fid.METRICS, *OVERLAP)
"""Their names."""
WEIGHTS: Mapping[str, tuple[str, ...]] = {
    **{name: (metric,) for metric in PERCEPTUAL for name in (metric, f"{metric}_heads")},
    dists_network.SETTING: Dists.metrics,
    dists_network.SETTING_OF_CHANNELS: Dists.metrics,
    "inception": fid.METRICS,
}
"""Names under which their weights are given, and the metrics that each is for."""


class Choice(NamedTuple):
    """Metrics and weights, sorted by who uses them.

    Attributes:
        plain: metrics that need no network; `mae` where there is none, for it chooses the cases to show.
        weights: those of the runs' own frozen networks.
        learned: the opened networks that measure the others.
    """

    plain: tuple[str, ...]
    weights: dict[str, str]
    learned: LearnedMetrics


def choose(
    metrics: Sequence[str],
    weights: Mapping[str, str],
    *,
    segmenter: Path | None = None,
    window: tuple[float, float] | None = None,
    device: str | None = None,
) -> Choice:
    """Sort metrics and weights, and open the networks that are needed.

    Args:
        metrics: names, of the suite or of `METRICS`.
        weights: paths by name; those of `WEIGHTS` are for these metrics, the others for the runs.
        segmenter: ONNX file, for `dice` and `hd95`.
        window: of the values that the segmenter takes as 0 to 1; None gives it real units.
        device: where the networks run; None takes an accelerator where there is one.

    Raises:
        UsageError: E002 for a metric that is not known, E004 for a metric without its weights or segmenter, or these without their metric.
        InputError: E100, E101 and E102 for files that are not there or cannot be read.
        IntegrityError: E502 for weights of another architecture.
        ResourceError: E404 for a segmenter without onnxruntime, or a device that is not there.
    """
    check_names(metrics, (*registry.names(), *METRICS))
    own = {name: path for name, path in weights.items() if name in WEIGHTS}
    _check_used(metrics, own, segmenter, window)
    placed = device_of(device)
    learned: list[LearnedMetric] = [
        Lpips(name, own.get(metric), own.get(f"{metric}_heads"), placed)
        for metric, name in PERCEPTUAL.items()
        if metric in metrics
    ]
    if dists_network.SETTING in metrics:
        channels = own.get(dists_network.SETTING_OF_CHANNELS)
        learned.append(Dists(own.get(dists_network.SETTING), channels, placed))
    of_split = tuple(name for name in fid.METRICS if name in metrics)
    if of_split:
        learned.append(InceptionDistances(of_split, own.get("inception"), placed))
    of_structures = tuple(name for name in OVERLAP if name in metrics)
    if of_structures and segmenter is not None:
        learned.append(SegmentationOverlap(of_structures, _open_segmenter(segmenter, window)))
    plain = tuple(name for name in metrics if name not in METRICS)
    weights_of_runs = {name: path for name, path in weights.items() if name not in WEIGHTS}
    return Choice(plain or (("mae",) if metrics else ()), weights_of_runs, LearnedMetrics(learned))


def _open_segmenter(path: Path, window: tuple[float, float] | None) -> Segmenter:
    """Open a segmenter of the target alone.

    Raises:
        UsageError: E004 for one of several contrasts, and as `segmenter.open_onnx`.
    """
    opened = open_onnx(path, None if window is None else ValueWindow(*window))
    if opened.n_contrasts != 1:
        raise UsageError(
            "E004",
            f"{path}, a segmenter of {opened.n_contrasts} contrasts",
            "one of the target alone",
            f"Ask what it makes of sources and target together: transmodal study consistency --option segmenter={path}",
        )
    return opened


def _check_used(
    metrics: Sequence[str],
    weights: Mapping[str, str],
    segmenter: Path | None,
    window: tuple[float, float] | None,
) -> None:
    idle = [name for name in weights if not set(WEIGHTS[name]) & set(metrics)]
    if idle:
        raise UsageError(
            "E004",
            f"weights of {idle[0]} without the metric",
            f"--metrics with {' or '.join(WEIGHTS[idle[0]])}",
            "Name the metric, or leave the weights out.",
        )
    of_structures = sorted(set(metrics) & set(OVERLAP))
    if of_structures and segmenter is None:
        raise UsageError(
            "E004",
            f"the metric {of_structures[0]} without a segmenter",
            "--segmenter FILE.onnx",
            "Give one, or compare your own segmentations: transmodal overlap.",
        )
    if (segmenter is not None and not of_structures) or (window is not None and segmenter is None):
        raise UsageError(
            "E004",
            "a segmenter without the metrics dice or hd95"
            if segmenter is not None
            else "a window without a segmenter",
            "both",
            "Name both, or leave both out.",
        )
