"""The metrics of a suite: refused before anything is trained where they are unknown, or cannot be computed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from transmodal.cohorts.store import Cohort
from transmodal.errors import UsageError
from transmodal.evaluation.learned import choose as learned
from transmodal.evaluation.measures.computable import ScoredCase, check
from transmodal.evaluation.measures.reference_mask import has_masks
from transmodal.evaluation.score import STANDARD
from transmodal.metrics import registry
from transmodal.metrics.naming import check_names


def without_dimensions(names: Iterable[str]) -> tuple[str, ...]:
    """Return metrics without the dimensions that say which figure is meant, each once: `ssim-2d` is `ssim`."""
    return tuple(dict.fromkeys(re.sub(r"-[23]d$", "", name) for name in names))


def scored(names: Iterable[str]) -> tuple[str, ...]:
    """Return the metrics that every entry is scored by: the standard ones and those of the suite."""
    return tuple(dict.fromkeys((*STANDARD, *without_dimensions(names))))


def figure_name(metric: str, dims: int) -> str:
    """Return the name of a figure: the metric's, with its dimensions in 2D where there is one in 3D as well."""
    is_second = dims == 2 and 3 in registry.find(metric).dims
    return f"{metric}-2d" if is_second else metric


def recorded_figures(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the figures per case and seed in the record: the standard ones in 3D, and those of the suite."""
    figures = list(STANDARD)
    for name in names:
        (metric,) = without_dimensions([name])
        is_added = name.endswith("-2d") or (name == metric and metric not in STANDARD)
        dims = [n for n in registry.find(metric).dims if n == 2 or not name.endswith("-2d")]
        figures += [figure_name(metric, n) for n in sorted(dims)] if is_added else []
    return tuple(dict.fromkeys(figures))


def check_known(names: Sequence[str]) -> None:
    """Refuse a metric that is not in the registry, or needs a network.

    Raises:
        UsageError: E002 for a name or a dimension that is not known, E004 for a metric of a network.
    """
    for name in without_dimensions(names):
        if name in learned.METRICS:
            raise UsageError(
                "E004",
                f"the metric {name}, which needs a network's weights",
                f"one of {', '.join(registry.names())}",
                "Choose another for the suite, and take it of the trained runs: transmodal evaluate --metrics.",
            )
    check_names(without_dimensions(names), registry.names())
    figures = {f"{metric.name}-{dims}d" for metric in registry.metrics() for dims in metric.dims} | {
        *registry.names()
    }
    for name in names:
        if name not in figures:
            metric, _, dims = name.rpartition("-")
            raise UsageError(
                "E002", f"the metric {name}", f"{metric}", f"{metric} has no figure in {dims.upper()}."
            )


def check_computable(names: Sequence[str], target: str, cohort: Cohort) -> None:
    """Refuse a metric that the test cases of a cohort can have no figure of.

    Args:
        names: metrics of a suite that are known.
        target: modality that is synthesised.
        cohort: prepared.

    Raises:
        UsageError, InputError: as `evaluation.measures.computable.check`.
    """
    for case in cohort.cases("test"):
        if target in case.modalities:
            entry = case.entry
            check(
                without_dimensions(names),
                target,
                ScoredCase(
                    case.id,
                    entry.volumes[target].shape,
                    entry.segmentation is not None,
                    has_masks(cohort),
                ),
            )
