"""Take figures by name: each metric of the registry that volumes of a kind and size can have.

`SUITE` holds what needs no more than a reference, a synthetic volume, and perhaps a mask, labels or the source. What
needs a curve or a segmenter has its own function: `challenge`, `regions`, `paths`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from transmodal.errors import InputError, UsageError
from transmodal.metrics.pair import Scene
from transmodal.metrics.registry import SUITE, Direction, Metric, rows_of

__all__ = ["SUITE", "Figure", "Metric", "fitting", "take"]


class Figure(NamedTuple):
    """One figure with all that says what it is.

    Attributes:
        metric: its name.
        dims: 2 or 3.
        value: the figure.
        unit: of the figure.
        best: as in `Metric`.
        protocol: region, dimension, range and definition on one line.
        excluded: slices left out; None for a 3D figure.
    """

    metric: str
    dims: int
    value: float
    unit: str
    best: Direction
    protocol: str
    excluded: int | None


def take(scene: Scene, names: Iterable[str]) -> tuple[Figure, ...]:
    """Take figures by name, in the order of `SUITE`; a name may stand for its 3D and its 2D figure.

    Args:
        scene: the volumes and what they are measured with.
        names: of `SUITE`.

    Raises:
        InputError: as the metrics; E122 for a metric of grey volumes in colour, or the other way round.
        UsageError: as the metrics; E002 for a name that is not in the suite.
    """
    wanted, known = set(names), {metric.name for metric in SUITE}
    if wanted - known:
        raise UsageError(
            "E002", f"the metric {min(wanted - known)}", ", ".join(sorted(known)), "Choose among these."
        )
    chosen = {name: rows_of(name, scene.kind) for name in wanted}
    for name, rows in sorted(chosen.items()):
        if not rows:
            raise InputError(
                "E122",
                f"the metric {name} of {scene.kind} volumes",
                f"{next(one.kind for one in SUITE if one.name == name)} volumes",
                f"Choose among {', '.join(fitting(scene))}.",
            )
    return tuple(_figure(metric, scene) for metric in SUITE if metric in chosen.get(metric.name, ()))


def fitting(scene: Scene) -> tuple[str, ...]:
    """Return the names of the metrics that take volumes of this kind and size, in the order of `SUITE`.

    Those that need a mask, a source or labels are among them where the scene has it.
    """
    has = {"pair": True, "mask": scene.mask is not None, "source": scene.source is not None}
    has["labels"] = scene.labels is not None
    names = [
        metric.name
        for metric in SUITE
        if metric.kind in ("any", scene.kind)
        and min(scene.plane) >= metric.smallest
        and scene.reference.shape[scene.axis] >= metric.slices
        and has[metric.needs]
    ]
    return tuple(dict.fromkeys(names))


def _figure(metric: Metric, scene: Scene) -> Figure:
    taken = metric.take(scene)
    region = "whole volume" if scene.mask is None else "inside the mask"
    region = "around the mask" if metric.needs == "mask" else region
    width = "data range 1" if metric.needs == "source" else f"data range {scene.data_range:.10g} {scene.unit}"
    dims = "3D" if metric.dims == 3 else f"2D, mean over slices of axis {scene.axis}"
    parts = [region, dims, width, metric.protocol]
    return Figure(
        metric.name,
        metric.dims,
        taken.value,
        metric.unit.format(unit=scene.unit),
        metric.best,
        "; ".join([*parts, taken.size] if taken.size else parts),
        taken.excluded,
    )
