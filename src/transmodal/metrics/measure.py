"""Measure a pair of volumes by the names of metrics.

Taken here is what needs no more than a reference, a synthetic volume, and perhaps a mask, labels or the source. What
needs a curve or a segmenter has its own function: `challenge`, `regions`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from transmodal.errors import InputError, UsageError
from transmodal.metrics import registry
from transmodal.metrics.metric import Dims, Metric, PairFigures
from transmodal.metrics.pair import ImagePair
from transmodal.metrics.protocol import Border, MetricValue, Protocol, Region

GREY = "grey is the mean of the three channels"


def measure(pair: ImagePair, names: Iterable[str]) -> tuple[MetricValue, ...]:
    """Measure a pair, metric by metric in the order of the registry; in 3D first, then in 2D.

    Args:
        pair: the volumes and what is known of them.
        names: of the registry's metrics, without those of a network.

    Raises:
        InputError: as the metrics; E122 for a metric of grey volumes in colour, or the other way round.
        UsageError: as the metrics; E002 for a name that is not known, E004 for values in another unit than a metric takes.
    """
    return _measure(pair, set(names), {})


def measure_both(
    pair: ImagePair, inside: Collection[str], whole: Collection[str]
) -> tuple[tuple[MetricValue, ...], tuple[MetricValue, ...]]:
    """Measure a pair with a mask inside of it and whole; a metric that is taken of both shares what they have in common.

    Args:
        pair: as in `measure`, with a mask.
        inside: names of the metrics that are taken inside the mask.
        whole: names of those that are taken of the whole volume.

    Returns:
        The figures inside and those of the whole, each as `measure` gives them.

    Raises:
        InputError, UsageError: as `measure`.
    """
    of_whole = replace(pair, mask=None)
    for names, part in ((inside, pair), (whole, of_whole)):
        _select(part, set(names))
    shared = {
        name: figures(pair)
        for name in set(inside) & set(whole)
        if (figures := registry.find(name).in_both) is not None
    }
    return (
        _measure(pair, set(inside), {name: figures.inside for name, figures in shared.items()}),
        _measure(of_whole, set(whole), {name: figures.whole for name, figures in shared.items()}),
    )


def _measure(
    pair: ImagePair, selected: set[str], taken: Mapping[str, PairFigures]
) -> tuple[MetricValue, ...]:
    """Return the figures of the selected metrics; those that were taken before are not taken again."""
    return tuple(
        value for metric in _select(pair, selected) for value in _values(metric, pair, taken.get(metric.name))
    )


def _select(pair: ImagePair, selected: set[str]) -> list[Metric]:
    """Return the selected metrics in the order of the registry; errors as `measure`."""
    by_name = {metric.name: metric for metric in registry.metrics() if metric.learned is None}
    if selected - set(by_name):
        raise UsageError(
            "E002",
            f"the metric {min(selected - set(by_name))}",
            ", ".join(sorted(by_name)),
            "Choose among these.",
        )
    for name in sorted(selected):
        if not by_name[name].takes(pair.kind):
            raise InputError(
                "E122",
                f"the metric {name} of {pair.kind} volumes",
                f"{by_name[name].kind} volumes",
                f"Choose among {', '.join(applicable(pair))}.",
            )
        if by_name[name].takes_unit not in ("", pair.unit):
            raise UsageError(
                "E004",
                f"the metric {name} of values in {pair.unit}",
                f"values in {by_name[name].takes_unit}",
                "Leave it out.",
            )
    return [metric for name, metric in by_name.items() if name in selected]


def applicable(pair: ImagePair) -> tuple[str, ...]:
    """Return the names of the metrics that take volumes of this kind and size, in the order of the registry.

    Those that need a mask, a source or labels are among them where the pair has it.
    """
    has = {"pair": True, "mask": pair.mask is not None, "source": pair.source is not None}
    has["labels"] = pair.labels is not None
    has["inside"] = has["mask"]
    return tuple(
        metric.name
        for metric in registry.metrics()
        if metric.learned is None
        and metric.takes(pair.kind)
        and min(pair.slice_shape) >= metric.smallest
        and pair.shape[pair.axis] >= metric.slices
        and has[metric.needs]
        and metric.takes_unit in ("", pair.unit)
    )


def _values(metric: Metric, pair: ImagePair, taken: PairFigures | None) -> Iterator[MetricValue]:
    if taken is not None:
        yield _value(metric, 3, pair, taken.in_3d)
        yield _value(metric, 2, pair, taken.in_2d.mean, taken.in_2d.excluded)
        return
    images = pair.in_grey() if metric.in_grey else pair
    if metric.in_3d is not None:
        yield _value(metric, 3, pair, metric.in_3d(images))
    if metric.in_2d is not None:
        of_slices = metric.in_2d(images)
        yield _value(metric, 2, pair, of_slices.mean, of_slices.excluded)


def _value(
    metric: Metric, dims: Dims, pair: ImagePair, value: float, excluded: int | None = None
) -> MetricValue:
    detail = metric.detail(pair, dims) if metric.detail is not None else ""
    unit = metric.unit.format(unit=pair.unit)
    return MetricValue(metric.name, value, unit, _protocol(metric, dims, pair), excluded, detail)


def _protocol(metric: Metric, dims: Dims, pair: ImagePair) -> Protocol:
    region: Region = "around" if metric.needs == "mask" else "whole" if pair.mask is None else "mask"
    if metric.needs == "source":
        return Protocol(region, dims, "of both scales", 1.0, definition=metric.definition)
    data_range = pair.data_range if metric.has_range else None
    if metric.window is None:
        by_grey = metric.in_grey and pair.is_colour
        definition = f"{metric.definition}; {GREY}" if by_grey else metric.definition
        return Protocol(region, dims, pair.unit, data_range, definition=definition, clips=metric.clips)
    border: Border = "interior" if pair.mask is None else "mirrored"
    taps = metric.window(pair.shape if dims == 3 else pair.slice_shape)
    counted = f"counted from {pair.background:g} {pair.unit}" if pair.background else ""
    return Protocol(region, dims, pair.unit, data_range, taps, border, definition=counted)
