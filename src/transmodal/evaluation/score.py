"""Score a synthetic volume against its reference: MAE, PSNR and SSIM, each with its protocol."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.metrics import registry
from transmodal.metrics.measure import measure, measure_both
from transmodal.metrics.pair import ImagePair
from transmodal.metrics.protocol import MetricValue
from transmodal.modalities import modality_in, modality_of
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensityMap

STANDARD = ("mae", "psnr", "ssim")

Mask = NDArray[np.bool_]


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
) -> list[MetricValue]:
    """Measure a synthetic volume: inside the mask first, then whole; SSIM in 3D, then in 2D.

    MAE, MSE and PSNR are over voxels in 3D; 2D SSIM is the mean over axial slices. Volumes may lie in any
    orientation; colour counts each channel, and averages their SSIM.

    Args:
        reference: the target as measured, in real units, on its native grid.
        synthetic: the translator's volume, on the same grid and in the same units.
        mask: evaluation mask `(I, J, K)`, from the data set or the reference; None leaves its figures out.
        modality: of the target; it says the unit.
        data_range: width of the range of values; see `range_of`.
        unit: of the values, where it is not the modality's own, such as `grey level`.
        metrics: which of `metrics.registry.names` to take.
        target_normalised: whether the reference went through `in_reference_units`; it is stamped.
        mask_text: the mask in words, where it is not the data set's; it is stamped.
        source: of the synthetic volume, `(I, J, K)` in [0, 1]; for the metrics `*_source`.
        labels: of organs, `(I, J, K)`; for the metrics `*_organs`.

    Raises:
        InputError: E130 when the grids differ, E122 for colour beside grey, E124 for an empty mask, E120 for
            voxels that are not finite.
        UsageError: E001 for a data range that is not positive, E002 for an unknown metric.
    """
    _check(reference, synthetic, metrics)
    pair = ImagePair(
        reference.voxels,
        synthetic.voxels,
        data_range,
        unit_of(modality, unit),
        reference.spacing,
        _axial(reference),
        background=modality_in(unit_of(modality, unit)).background,
        source=source,
        labels=labels,
        orientation=reference.orientation,
    )
    whole = [name for name in metrics if registry.find(name).needs not in ("mask", "inside")]
    inside, outside = (
        ((), measure(pair, whole)) if mask is None else measure_both(replace(pair, mask=mask), metrics, whole)
    )
    return [
        _stamp(value, target_normalised=target_normalised, mask_text=mask_text)
        for value in (*inside, *outside)
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


def _stamp(value: MetricValue, *, target_normalised: bool, mask_text: str) -> MetricValue:
    mask = "" if value.protocol.region == "whole" else mask_text
    return value._replace(protocol=replace(value.protocol, target_normalised=target_normalised, mask=mask))


def _axial(volume: Volume) -> int:
    """Return the voxel axis that runs nearest to inferior-superior."""
    return next(axis for axis, letter in enumerate(volume.orientation) if letter in "IS")


def _check(reference: Volume, synthetic: Volume, metrics: Collection[str]) -> None:
    unknown = sorted(set(metrics) - set(registry.names()))
    if unknown:
        valid = ", ".join(registry.names())
        raise UsageError("E002", f"the metric {unknown[0]}", valid, "Choose among these.")
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
