"""The unit of an image's values, checked against the values: Hounsfield units and FA are never taken on trust."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.manifest import CaseEntry
from transmodal.errors import InputError
from transmodal.modalities import modality_of
from transmodal.volumes.intensity import IntensitySpec

GREY_LEVEL = "grey level"
"""Unit of values that carry no physical one, such as those of an 8-bit picture of a CT slice."""

_FA_MOST = 1.5  # sqrt(1.5) = 1.22 is what a negative eigenvalue can lead to; more is another unit


def unit_of_values(modality: str, voxels: NDArray[Any], spec: IntensitySpec | None) -> str:
    """Return the unit of a modality's values where it is not the modality's own; empty where it is.

    CT has air below 0 HU. An image without a negative value, or of 8 bits, is a picture of a CT slice or misses
    its rescale intercept; it is taken only with an intensity map of its own, and then in grey levels. A window
    that begins below 0 says that the values are HU after all, which 8 bits cannot hold. FA beyond 1.5 is scaled.

    Args:
        modality: such as `ct`.
        voxels: `(I, J, K)` or `(I, J, K, 3)`, real values.
        spec: the intensity map that was asked for; None where the modality's default is used.

    Raises:
        InputError: E125 for values that cannot be in the modality's unit, without a map that says so.
    """
    check = {"HU": _of_hounsfield, "FA": _of_anisotropy}.get(modality_of(modality).unit)
    return "" if check is None else check(modality, voxels, spec)


def check_one_unit(entries: Iterable[CaseEntry]) -> None:
    """Refuse a cohort in which one modality has two units.

    Raises:
        InputError: E136 naming a case of each.
    """
    first: dict[str, tuple[str, str]] = {}
    for entry in entries:
        for modality, volume in entry.volumes.items():
            case, unit = first.setdefault(modality, (entry.id, volume.unit))
            if unit != volume.unit:
                raise InputError(
                    "E136",
                    f"{modality} of case {case} in {_unit_text(modality, unit)}, of case {entry.id} in "
                    f"{_unit_text(modality, volume.unit)}",
                    "one unit per modality",
                    "Prepare the two kinds as two cohorts.",
                )


def own_units(entries: Iterable[CaseEntry]) -> Mapping[str, str]:
    """Return the unit of each modality whose values are not in the modality's own."""
    return {name: volume.unit for entry in entries for name, volume in entry.volumes.items() if volume.unit}


def _of_hounsfield(modality: str, voxels: NDArray[Any], spec: IntensitySpec | None) -> str:
    is_picture = voxels.dtype in (np.uint8, np.bool_)
    if not is_picture and voxels.min() < 0:
        return ""
    begins_below = spec is not None and spec.method == "window" and spec.low < 0
    if begins_below and not is_picture:
        return ""
    if spec is not None and not begins_below:
        return GREY_LEVEL
    high = float(voxels.max())
    kind = "8-bit values" if is_picture else "no negative value"
    raise InputError(
        "E125",
        f"{modality} of {kind}, {voxels.min():g} to {high:g}",
        "HU, where air is near -1000",
        f"If they are grey levels: --intensity {modality}=window:0:{_full_scale(high):g}, and figures are in grey levels. "
        "If the rescale intercept is missing, convert the series anew, such as with dcm2niix"
        + ("." if is_picture else f". If they are HU without air: --intensity {modality}=window:-1024:3000."),
    )


def _of_anisotropy(modality: str, voxels: NDArray[Any], spec: IntensitySpec | None) -> str:
    high = float(voxels.max())
    if high <= _FA_MOST:
        return ""
    if spec is not None and not (spec.method == "window" and spec.high <= _FA_MOST):
        return GREY_LEVEL
    raise InputError(
        "E125",
        f"{modality} from {voxels.min():g} to {high:g}",
        "0 to 1",
        f"Divide it by its scale, or take it as grey levels: --intensity {modality}=window:0:{_full_scale(high):g}.",
    )


def _full_scale(high: float) -> float:
    """Return the white of the bit depth that holds a value: 255, 4095 or 65535; the value itself beyond."""
    return next((float(white) for white in (255, 4095, 65535) if high <= white), high)


def _unit_text(modality: str, unit: str) -> str:
    return unit or modality_of(modality).unit or "its own unit"
