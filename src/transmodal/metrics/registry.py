"""Every metric by its name: the records of the files in `suite`, found there and listed nowhere else."""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Iterable
from functools import cache

from transmodal.errors import UsageError
from transmodal.metrics import suite
from transmodal.metrics.metric import Metric, Need

_FAMILIES = (
    "voxels",
    "ssim",
    "ms_ssim",
    "stsim",
    "fsim",
    "source",
    "colour",
    "gradient",
    "energy",
    "lattice",
    "learned",
)
"""Files in the order in which tables show their metrics; other files follow by name."""


def metrics() -> tuple[Metric, ...]:
    """Return the records of all metrics, in the order in which tables show them."""
    return _read(tuple(suite.__path__))


def names() -> tuple[str, ...]:
    """Return the names of the metrics that evaluations take without a network.

    Metrics whose best value is 0 from either side are not among them: no translator is better by them.
    """
    return tuple(metric.name for metric in metrics() if metric.is_ranked and metric.learned is None)


def learned_names() -> tuple[str, ...]:
    """Return the names of the metrics that a network measures."""
    return tuple(metric.name for metric in metrics() if metric.learned is not None)


def find(name: str) -> Metric:
    """Return a metric's record.

    Raises:
        UsageError: E002 for a name that no metric has.
    """
    for metric in metrics():
        if metric.name == name:
            return metric
    valid = ", ".join(metric.name for metric in metrics())
    raise UsageError("E002", f"the metric {name}", valid, "Choose among these.")


def is_ranked(name: str) -> bool:
    """Return whether a metric is known, and one end of it is better."""
    return any(metric.name == name and metric.is_ranked for metric in metrics())


def higher_is_better(name: str) -> bool:
    """Return whether greater values of a metric are better.

    Raises:
        UsageError: E002 for a name that no metric has.
    """
    return find(name).best == "higher"


def is_improvement(name: str, value: float, best: float | None) -> bool:
    """Return whether a value is better than the best so far, None before the first; NaN never is.

    Raises:
        UsageError: E002 for a name that no metric has.
    """
    if best is None or math.isnan(value):
        return not math.isnan(value)
    return value > best if higher_is_better(name) else value < best


def any_needs(names: Iterable[str], need: Need) -> bool:
    """Return whether some of the metrics need a mask, a source or labels."""
    needing = {metric.name for metric in metrics() if metric.needs == need}
    return not needing.isdisjoint(names)


@cache
def _read(folders: tuple[str, ...]) -> tuple[Metric, ...]:
    files = [module.name for module in pkgutil.iter_modules(folders) if not module.name.startswith("_")]
    last = len(_FAMILIES)
    files.sort(key=lambda name: (_FAMILIES.index(name) if name in _FAMILIES else last, name))
    return tuple(
        metric for name in files for metric in importlib.import_module(f"{suite.__name__}.{name}").METRICS
    )
