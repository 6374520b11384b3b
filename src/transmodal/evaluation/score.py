"""Score a synthetic volume against its reference: MAE, PSNR and SSIM, each with its protocol."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.metrics import measure
from transmodal.metrics.pair import Scene
from transmodal.metrics.registry import SUITE, Metric, Need, rows_of
from transmodal.metrics.suite import ssim, voxels
from transmodal.metrics.table import Protocol
from transmodal.modalities import modality_in, modality_of
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensityMap

METRICS = tuple(dict.fromkeys(one.name for one in SUITE if one.best != "zero"))
"""Metrics by name, in the order of the suite; figures that have no better and worse are not among them."""
STANDARD = ("mae", "psnr", "ssim")

Mask = NDArray[np.bool_]
Region = Literal["mask", "whole", "around"]


def asks(metrics: Collection[str], need: Need) -> bool:
    """Tell whether some of the metrics need something beside the pair of volumes."""
    return any(one.needs == need for one in SUITE if one.name in metrics)


class Measured(NamedTuple):
    """One figure of one synthetic volume.

    Attributes:
        metric: one of `METRICS`.
        value: the figure; PSNR of identical images is `inf`.
        unit: of the figure; `1` for figures without a unit.
        protocol: how it was taken.
        slices_excluded: axial slices that do not meet the mask and are left out; None for a 3D figure.
    """

    metric: str
    value: float
    unit: str
    protocol: Protocol
    slices_excluded: int | None = None


def unit_of(modality: str, own: str = "") -> str:
    """Return the unit of a modality's values; MR contrasts have the training cohort's reference units.

    Args:
        modality: such as `ct`.
        own: the unit that its cohort says, where it is not the modality's, such as `grey level`.
    """
    return own or modality_of(modality).unit or "reference units"


def range_of(modality: str, reference: IntensityMap | None = None, unit: str = "") -> float:
    """Return the data range of a modality: the width of the intensity map in use, else its physical range.

    The default windows of modalities with a unit are as wide as their physical ranges, so that figures of
    different cohorts can be compared; another window makes figures of another protocol.

    Args:
        modality: of the target.
        reference: the training cohort's map of the target; needed where there is no physical range.
        unit: as in `unit_of`; values in another unit than the modality's have no physical range.

    Raises:
        UsageError: E001 when there is no physical range and the map is not bounded.
    """
    if reference is not None and reference.low is not None and reference.high is not None:
        return float(reference.high - reference.low)
    physical = None if unit else modality_of(modality).data_range
    if physical is None:
        raise UsageError(
            "E001",
            f"no data range for {modality}",
            "a bounded intensity map of the training cohort's targets",
            "Map the target by percentiles, a window or min-max, or give the range.",
        )
    return physical


def score(
    reference: Volume,
    synthetic: Volume,
    mask: Mask | None,
    *,
    modality: str,
    data_range: float,
    unit: str = "",
    metrics: Collection[str] = STANDARD,
    target_normalised: bool = False,
    mask_text: str = "",
    source: NDArray[np.float32] | None = None,
    labels: NDArray[np.integer[Any]] | None = None,
) -> list[Measured]:
    """Take every figure of a synthetic volume: inside the mask first, then whole; SSIM in 3D, then in 2D.

    MAE, MSE and PSNR are over voxels in 3D; 2D SSIM is the mean over axial slices. Volumes may lie in any
    orientation; colour counts each channel, and averages their SSIM.

    Args:
        reference: the target as measured, in real units, on its native grid.
        synthetic: what a translator made, on the same grid and in the same units.
        mask: evaluation mask `(I, J, K)`, from the data set or the reference; None leaves its figures out.
        modality: of the target; it says the unit.
        data_range: width of the range of values; see `range_of`.
        unit: of the values, where it is not the modality's own, such as `grey level`.
        metrics: which of `METRICS` to take.
        target_normalised: whether the reference went through `in_reference_units`; it is stamped.
        mask_text: what the mask is where it is not the data set's; it is stamped.
        source: what the synthetic volume was made from, `(I, J, K)` in [0, 1]; for the metrics `*_source`.
        labels: of organs, `(I, J, K)`; for the metrics `*_organs`.

    Raises:
        InputError: E130 when the grids differ, E122 for colour beside grey, E124 for an empty mask, E120 for
            voxels that are not finite.
        UsageError: E001 for a data range that is not positive, E002 for an unknown metric.
    """
    _check(reference, synthetic, metrics)
    inside = [] if mask is None else [mask]
    scenes = [
        _Scene(reference, synthetic, region, unit_of(modality, unit), data_range, source, labels)
        for region in (*inside, None)
    ]
    taken = [
        measured
        for scene in scenes
        for metric in METRICS
        if metric in metrics
        for measured in (_TAKE[metric](scene) if metric in _TAKE else _of_suite(metric, scene))
    ]
    return [
        one._replace(
            protocol=replace(
                one.protocol,
                target_normalised=target_normalised,
                mask="" if one.protocol.region == "whole" else mask_text,
            )
        )
        for one in taken
    ]


def in_reference_units(target: Volume, own: IntensityMap, reference: IntensityMap) -> Volume:
    """Scale a target without a unit (MR contrasts) to the training cohort's reference units; nothing is clipped.

    A scanner's gain is in the target and in no source: figures without this measure the gain.

    Args:
        target: as measured.
        own: the target's own map.
        reference: the training cohort's, of the same range.
    """
    mapped = target.voxels.astype(np.float64) * own.scale + own.offset
    return target.with_voxels(((mapped - reference.offset) / reference.scale).astype(np.float32))


@dataclass(frozen=True, slots=True)
class _Scene:
    """What one figure is taken of."""

    reference: Volume
    synthetic: Volume
    mask: Mask | None
    unit: str
    data_range: float
    source: NDArray[np.float32] | None = None
    labels: NDArray[np.integer[Any]] | None = None

    @property
    def arrays(self) -> tuple[NDArray[Any], NDArray[Any]]:
        return self.reference.voxels, self.synthetic.voxels

    @property
    def region(self) -> Region:
        return "whole" if self.mask is None else "mask"


def _mae(scene: _Scene) -> list[Measured]:
    value = voxels.mae(*scene.arrays, mask=scene.mask)
    return [Measured("mae", value, scene.unit, Protocol(scene.region, 3, scene.unit))]


def _mse(scene: _Scene) -> list[Measured]:
    value = voxels.mse(*scene.arrays, mask=scene.mask)
    return [Measured("mse", value, f"({scene.unit})^2", Protocol(scene.region, 3, scene.unit))]


def _psnr(scene: _Scene) -> list[Measured]:
    value = voxels.psnr(*scene.arrays, data_range=scene.data_range, mask=scene.mask)
    return [Measured("psnr", value, "dB", Protocol(scene.region, 3, scene.unit, scene.data_range))]


def _ssim(scene: _Scene) -> list[Measured]:
    axis, mask, data_range = _axial(scene.reference), scene.mask, scene.data_range
    taps = ssim.window(scene.reference.grid.shape)
    low = modality_in(scene.unit).background
    counted = f"counted from {low:g} {scene.unit}" if low else ""
    volume = Protocol(
        scene.region, 3, scene.unit, data_range, taps, _BORDER[scene.region], definition=counted
    )
    slices = replace(volume, dims=2, window=taps[:axis] + taps[axis + 1 :])
    # SSIM compares intensities that count from 0: around 0 HU its values would be opposites.
    arrays = scene.arrays if not low else tuple(one.astype(np.float64) - low for one in scene.arrays)
    in_3d = ssim.ssim(*arrays, data_range=data_range, mask=mask, colour=scene.reference.is_colour)
    in_2d = ssim.slice_ssim(*arrays, axis=axis, data_range=data_range, mask=mask)
    return [
        Measured("ssim", in_3d, "1", volume),
        Measured("ssim", in_2d.mean, "1", slices, in_2d.excluded),
    ]


def _of_suite(metric: str, scene: _Scene) -> list[Measured]:
    """Take a figure of the registry; its definition is stamped. Nothing is taken around a mask that is not there."""
    rows = rows_of(metric, "colour" if scene.reference.is_colour else "grey")
    if scene.mask is None and rows and rows[0].needs == "mask":
        return []
    reference = scene.reference
    figures = measure.take(
        Scene(
            reference.voxels,
            scene.synthetic.voxels,
            scene.data_range,
            scene.unit,
            reference.spacing,
            _axial(reference),
            scene.mask,
            modality_in(scene.unit).background,
            scene.source,
            scene.labels,
        ),
        [metric],
    )
    return [
        Measured(metric, one.value, one.unit, _protocol(row, scene), one.excluded)
        for one, row in zip(figures, rows, strict=True)
    ]


def _protocol(row: Metric, scene: _Scene) -> Protocol:
    scaled = row.needs == "source"
    return Protocol(
        "around" if row.needs == "mask" else scene.region,
        row.dims,
        "of both scales" if scaled else scene.unit,
        1.0 if scaled else scene.data_range,
        definition=row.protocol,
    )


_TAKE: dict[str, Callable[[_Scene], list[Measured]]] = {
    "mae": _mae,
    "mse": _mse,
    "psnr": _psnr,
    "ssim": _ssim,
}
_BORDER: dict[Region, Literal["interior", "mirrored"]] = {"mask": "mirrored", "whole": "interior"}


def _axial(volume: Volume) -> int:
    """Return the voxel axis that runs nearest to inferior-superior."""
    return next(axis for axis, letter in enumerate(volume.orientation) if letter in "IS")


def _check(reference: Volume, synthetic: Volume, metrics: Collection[str]) -> None:
    unknown = sorted(set(metrics) - set(METRICS))
    if unknown:
        raise UsageError("E002", f"the metric {unknown[0]}", ", ".join(METRICS), "Choose among these.")
    if reference.is_colour != synthetic.is_colour:
        raise InputError(
            "E122",
            f"a {_kind(reference)} reference and a {_kind(synthetic)} synthetic volume",
            "both in colour or both grey",
            "Compare volumes of one modality.",
        )
    if not reference.grid.same_as(synthetic.grid):
        raise InputError(
            "E130",
            f"a reference of shape {reference.grid.shape} at {reference.grid.origin} mm and a synthetic volume "
            f"of shape {synthetic.grid.shape} at {synthetic.grid.origin} mm",
            "one grid",
            "Resample the synthetic volume onto the reference's grid; references are never resampled.",
        )


def _kind(volume: Volume) -> str:
    return "colour" if volume.is_colour else "grey"
