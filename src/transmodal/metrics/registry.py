"""Every metric by its name: the records of the files in `suite`, found there and listed nowhere else, and of plugins."""

from __future__ import annotations

import importlib
import logging
import math
import pkgutil
from collections.abc import Collection, Iterable, Iterator
from functools import cache

from transmodal import plugins
from transmodal.errors import TransmodalError, UsageError
from transmodal.metrics import suite
from transmodal.metrics.metric import Metric, Need
from transmodal.plugins import Plugin

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
    return _read(tuple(suite.__path__), plugins.announced("metrics"))


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
        UsageError: E002 for a name that no metric has, E004 for one that two distributions announce.
        ResourceError: E404 for a plugin that cannot be loaded.
    """
    for metric in metrics():
        if metric.name == name:
            return metric
    plugin = plugins.find("metrics", name, own_names())
    if plugin is not None:
        return _load(plugin)  # which says why it is not among them
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


def distributions(names: Iterable[str]) -> dict[str, str]:
    """Return the distributions that some of the metrics come from, with their versions; none for transmodal's own."""
    outside = set(names) - set(own_names())
    return dict(plugin.distribution for plugin in plugins.announced("metrics") if plugin.name in outside)


def own_names() -> list[str]:
    """List the metrics of the suite."""
    return [metric.name for metric in _read(tuple(suite.__path__), ())]


@cache
def _read(folders: tuple[str, ...], announced: tuple[Plugin, ...]) -> tuple[Metric, ...]:
    """Return the records of the suite, and behind them those of plugins that work."""
    files = [module.name for module in pkgutil.iter_modules(folders) if not module.name.startswith("_")]
    last = len(_FAMILIES)
    files.sort(key=lambda name: (_FAMILIES.index(name) if name in _FAMILIES else last, name))
    own = tuple(
        metric for name in files for metric in importlib.import_module(f"{suite.__name__}.{name}").METRICS
    )
    return (*own, *_outside(announced, [metric.name for metric in own]))


def _outside(announced: tuple[Plugin, ...], own: Collection[str]) -> Iterator[Metric]:
    """Yield the records of plugins; one that does not work is named, and the others are taken."""
    for plugin in announced:
        try:
            if plugins.find("metrics", plugin.name, own) is not None:
                yield _load(plugin)
        except TransmodalError as error:
            logging.getLogger(__name__).warning("%s", error)


def _load(plugin: Plugin) -> Metric:
    """Return the record of a plugin.

    Raises:
        ResourceError: E404 where it cannot be imported, or is no record of a metric of that name.
    """
    metric = plugins.load(plugin)
    with plugins.blame(plugin):
        if not isinstance(metric, Metric):
            raise TypeError(f"{plugin.value} is no transmodal.metrics.metric.Metric")
        if metric.name != plugin.name:
            raise ValueError(f"its record is called {metric.name}")
        if metric.learned is not None:
            raise ValueError("metrics of networks come with transmodal alone")
    return metric
