"""The registry of metrics of a pair of volumes: name, unit, direction, what each needs, and how it is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from transmodal.metrics import pair, pair_in_colour
from transmodal.metrics.pair import Scene, Taken
from transmodal.metrics.suite import artefacts, colour, fsim, ms_ssim, ssim, stsim, voxels

Direction = Literal["higher", "lower", "zero"]
Kind = Literal["any", "grey", "colour"]
Need = Literal["pair", "mask", "source", "labels"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the registry.

    Attributes:
        name: such as `stsim2`.
        unit: of the figure; `{unit}` stands for the values' own.
        best: `higher`, `lower`, or `zero` where the sign says which way it is off.
        dims: 3 for the volume at once, 2 for the mean over slices.
        kind: what volumes it takes; one name may have a row for grey and one for colour.
        protocol: what a figure has to carry beside its region, range and dimension.
        take: takes it.
        smallest: the fewest pixels that a slice may have along an axis.
        slices: the fewest slices.
        needs: what it needs beside the pair: a mask to look around, the grey source, or labels of organs.
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
    needs: Need = "pair"


_SSIM = f"Gaussian sigma {ssim.SIGMA:g}, values counted from the background"
_MS = f"Wang 2003, {_SSIM}"
_STSIM = "steerable pyramid 3 scales 4 orientations, global statistics, values counted from the background"
_STRUCTURES: tuple[tuple[str, str, Callable[..., float], int], ...] = (
    ("stsim1", f"STSIM-1, {_STSIM}", stsim.stsim1, stsim.SMALLEST),
    ("stsim2", f"STSIM-2, {_STSIM}", stsim.stsim2, stsim.SMALLEST),
    ("fsim", "Zhang 2011", fsim.fsim, fsim.SMALLEST),
)
"""Metrics of grey images that are taken of colour through its grey."""

_OF_SOURCE: tuple[tuple[str, str, Callable[..., float], int], ...] = (
    ("ssim", _SSIM, ssim.ssim, 1),
    ("ms_ssim", _MS, ms_ssim.ms_ssim, 1),
    *_STRUCTURES,
)


def _of_grey(name: str, definition: str, function: Callable[..., float], smallest: int) -> tuple[Metric, ...]:
    """Return the row for grey volumes and the row for the grey of colour."""
    of_colour = f"{definition}; {pair_in_colour.GREY}"
    plain, mean = partial(pair.plane_metric, function), partial(pair_in_colour.grey_planes, function)
    return (
        Metric(name, "1", "higher", 2, "grey", definition, plain, smallest),
        Metric(name, "1", "higher", 2, "colour", of_colour, mean, smallest),
    )


def _of_source(name: str, definition: str, function: Callable[..., float], smallest: int) -> Metric:
    """Return the row that holds the grey of a synthetic colour volume against its source."""
    return Metric(
        f"{name}_source",
        "1",
        "higher",
        2,
        "colour",
        f"{definition}; {pair_in_colour.SOURCE}",
        partial(pair_in_colour.source_planes, function),
        smallest,
        needs="source",
    )


def _of_organs(name: Literal["ciede2000", "delta_cf"], unit: str, definition: str) -> Metric:
    """Return the row of a figure of colour as the mean over organs."""
    return Metric(
        f"{name}_organs",
        unit,
        "lower",
        3,
        "colour",
        f"{definition}; mean over the labels of the segmentation, each counting once",
        partial(pair_in_colour.organs, name),
        needs="labels",
    )


_CF = "Hasler 2003, scale 0 to 1"
_DELTA_E = "sRGB, D65, 2 degrees"

SUITE: tuple[Metric, ...] = (
    Metric("mae", "{unit}", "lower", 3, "any", "mean absolute difference", partial(pair.voxels, voxels.mae)),
    Metric(
        "mse", "({unit})^2", "lower", 3, "any", "mean squared difference", partial(pair.voxels, voxels.mse)
    ),
    Metric("nmse", "1", "lower", 3, "any", "by the reference's energy", partial(pair.voxels, voxels.nmse)),
    Metric("psnr", "dB", "higher", 3, "any", "values not clipped", pair.psnr),
    Metric("ssim", "1", "higher", 3, "any", _SSIM, pair.ssim_3d),
    Metric("ssim", "1", "higher", 2, "any", _SSIM, pair.ssim_2d),
    Metric("ms_ssim", "1", "higher", 3, "any", _MS, pair.ms_ssim_3d),
    Metric("ms_ssim", "1", "higher", 2, "any", _MS, pair.ms_ssim_2d),
    *(row for one in _STRUCTURES for row in _of_grey(*one)),
    Metric(
        "fsim_colour",
        "1",
        "higher",
        2,
        "colour",
        "Zhang 2011, FSIMc, YIQ",
        pair.fsim_colour,
        fsim.SMALLEST,
    ),
    *(_of_source(*one) for one in _OF_SOURCE),
    Metric("delta_cf", "1", "lower", 3, "colour", _CF, partial(pair.tinted, colour.delta_cf)),
    Metric("ciede2000", "Delta E00", "lower", 3, "colour", _DELTA_E, partial(pair.tinted, colour.ciede2000)),
    _of_organs("delta_cf", "1", _CF),
    _of_organs("ciede2000", "Delta E00", _DELTA_E),
    Metric(
        "gradient_error",
        "{unit}/mm",
        "lower",
        3,
        "any",
        "differences of neighbouring slices",
        pair.gradient,
        slices=2,
    ),
    Metric(
        "outside_energy",
        "1",
        "lower",
        3,
        "any",
        "share of the synthetic volume's energy outside the mask, counted from the background",
        pair_in_colour.outside,
        needs="mask",
    ),
    Metric(
        "ring_energy",
        "1",
        "lower",
        3,
        "any",
        "mean energy of the synthetic volume 2 to 15 mm outside the mask, by that inside, counted from the background",
        pair_in_colour.ring,
        needs="mask",
    ),
    Metric(
        "lattice_excess",
        "1",
        "zero",
        2,
        "grey",
        "share of power at 0.45 per pixel and more, whole slices",
        pair.lattice,
        artefacts.SMALLEST,
    ),
)


def rows_of(name: str, kind: Literal["grey", "colour"]) -> tuple[Metric, ...]:
    """Return the rows of a metric that take volumes of a kind; empty where it takes none of them."""
    return tuple(one for one in SUITE if one.name == name and one.kind in ("any", kind))
