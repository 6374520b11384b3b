"""The table of metrics: name, unit, direction, how each is taken, and one function that takes any of them.

`SUITE` holds what needs no more than a reference, a synthetic volume and a mask. What needs a curve, labels
or a segmenter has its own function: `challenge`, `regions`, `paths`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

from transmodal.errors import InputError, UsageError
from transmodal.metrics import artefacts, colour, features, image, scenes, structure, texture
from transmodal.metrics.scenes import Scene, Taken

Direction = Literal["higher", "lower", "zero"]
Kind = Literal["any", "grey", "colour"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table.

    Attributes:
        name: such as `stsim2`.
        unit: of the figure; `{unit}` stands for the values' own.
        best: `higher`, `lower`, or `zero` where the sign says which way it is off.
        dims: 3 for the volume at once, 2 for the mean over slices.
        kind: what volumes it takes.
        protocol: what a figure has to carry beside its region, range and dimension.
        take: takes it.
        smallest: the fewest pixels that a slice may have along an axis.
        slices: the fewest slices.
    """

    name: str
    unit: str
    best: Direction
    dims: Literal[2, 3]
    kind: Kind
    protocol: str
    take: Callable[[Scene], Taken]
    smallest: int = 1
    slices: int = 1


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
    return tuple(_figure(metric, scene) for metric in SUITE if metric.name in wanted)


def fitting(scene: Scene) -> tuple[str, ...]:
    """Return the names of the metrics that take volumes of this kind and size, in the order of `SUITE`."""
    names = [
        metric.name
        for metric in SUITE
        if metric.kind in ("any", scene.kind)
        and min(scene.plane) >= metric.smallest
        and scene.reference.shape[scene.axis] >= metric.slices
    ]
    return tuple(dict.fromkeys(names))


def _figure(metric: Metric, scene: Scene) -> Figure:
    if metric.kind not in ("any", scene.kind):
        raise InputError(
            "E122",
            f"the metric {metric.name} of {scene.kind} volumes",
            f"{metric.kind} volumes",
            f"Choose among {', '.join(fitting(scene))}.",
        )
    taken = metric.take(scene)
    region = "whole volume" if scene.mask is None else "inside the mask"
    dims = "3D" if metric.dims == 3 else f"2D, mean over slices of axis {scene.axis}"
    parts = [region, dims, f"data range {scene.data_range:.10g} {scene.unit}", metric.protocol]
    return Figure(
        metric.name,
        metric.dims,
        taken.value,
        metric.unit.format(unit=scene.unit),
        metric.best,
        "; ".join([*parts, taken.size] if taken.size else parts),
        taken.excluded,
    )


_SSIM = f"Gaussian sigma {structure.SIGMA:g}, values counted from the background"
_MS = f"Wang 2003, {_SSIM}"
_STSIM = "steerable pyramid 3 scales 4 orientations, global statistics, values counted from the background"

SUITE: tuple[Metric, ...] = (
    Metric("mae", "{unit}", "lower", 3, "any", "mean absolute difference", partial(scenes.voxels, image.mae)),
    Metric(
        "mse", "({unit})^2", "lower", 3, "any", "mean squared difference", partial(scenes.voxels, image.mse)
    ),
    Metric("nmse", "1", "lower", 3, "any", "by the reference's energy", partial(scenes.voxels, image.nmse)),
    Metric("psnr", "dB", "higher", 3, "any", "values not clipped", scenes.psnr),
    Metric("ssim", "1", "higher", 3, "any", _SSIM, scenes.ssim_3d),
    Metric("ssim", "1", "higher", 2, "any", _SSIM, scenes.ssim_2d),
    Metric("ms_ssim", "1", "higher", 3, "any", _MS, scenes.ms_ssim_3d),
    Metric("ms_ssim", "1", "higher", 2, "any", _MS, scenes.ms_ssim_2d),
    Metric(
        "stsim1",
        "1",
        "higher",
        2,
        "grey",
        f"STSIM-1, {_STSIM}",
        partial(scenes.plane_metric, texture.stsim1),
        texture.SMALLEST,
    ),
    Metric(
        "stsim2",
        "1",
        "higher",
        2,
        "grey",
        f"STSIM-2, {_STSIM}",
        partial(scenes.plane_metric, texture.stsim2),
        texture.SMALLEST,
    ),
    Metric(
        "fsim",
        "1",
        "higher",
        2,
        "grey",
        "Zhang 2011",
        partial(scenes.plane_metric, features.fsim),
        features.SMALLEST,
    ),
    Metric(
        "fsim_colour",
        "1",
        "higher",
        2,
        "colour",
        "Zhang 2011, FSIMc, YIQ",
        scenes.fsim_colour,
        features.SMALLEST,
    ),
    Metric(
        "delta_cf",
        "1",
        "lower",
        3,
        "colour",
        "Hasler 2003, scale 0 to 1",
        partial(scenes.tinted, colour.delta_cf),
    ),
    Metric(
        "ciede2000",
        "Delta E00",
        "lower",
        3,
        "colour",
        "sRGB, D65, 2 degrees",
        partial(scenes.tinted, colour.ciede2000),
    ),
    Metric(
        "gradient_error",
        "{unit}/mm",
        "lower",
        3,
        "any",
        "differences of neighbouring slices",
        scenes.gradient,
        slices=2,
    ),
    Metric(
        "lattice_excess",
        "1",
        "zero",
        2,
        "grey",
        "share of power at 0.45 per pixel and more, whole slices",
        scenes.lattice,
        artefacts.SMALLEST,
    ),
)
