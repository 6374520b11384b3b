"""Synthetic pictures: PNG holds whole levels of 8 or 16 bits, so that values which are such levels are rounded to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from transmodal.errors import UsageError
from transmodal.inference.preprocessing import Preprocessing
from transmodal.inference.translation import Translation
from transmodal.modalities import modality_of
from transmodal.volumes.formats import raster

LEAST_LEVELS = 100.0
"""The least span of a target's range for values to be rounded to whole levels: half a level is 0.5 % then."""

_MOST = {8: 255, 16: 65535}


def is_picture(path: Path) -> bool:
    """Return whether a file holds a picture, by its name."""
    return path.name.lower().endswith(raster.SUFFIXES)


def holds(preprocessing: Preprocessing, suffix: str) -> bool:
    """Return whether a picture of this ending holds a run's target: TIFF holds floats, PNG levels from 0 up."""
    if suffix.lower() != ".png" or modality_of(preprocessing.target).is_colour:
        return True
    low, high = preprocessing.target_map.low, preprocessing.target_map.high
    if low is None or high is None or preprocessing.target_map.spec.method == "zscore":
        return False
    return low >= 0 and high <= _MOST[16] and high - low >= LEAST_LEVELS


def check(preprocessing: Preprocessing, path: Path, *, disagreement: bool, interval: bool = False) -> None:
    """Refuse PNG for what it does not hold, before anything is translated.

    Raises:
        UsageError: E005.
    """
    if path.suffix.lower() != ".png" or (holds(preprocessing, ".png") and not disagreement and not interval):
        return
    beside = "a disagreement" if disagreement else "an interval"
    content = (
        f"{preprocessing.target} in {path.name}"
        if not holds(preprocessing, ".png")
        else f"{beside} beside {path.name}"
    )
    raise UsageError(
        "E005",
        content,
        f"values of {LEAST_LEVELS:g} whole levels or more from 0 up, which PNG holds",
        "Write .tif, which holds real numbers, or a volume such as .nii.gz.",
    )


def in_levels(translation: Translation, preprocessing: Preprocessing, path: Path) -> Translation:
    """Return a translation whose grey values are whole levels where it is written as PNG; its notes say so."""
    voxels = translation.volume.voxels
    if path.suffix.lower() != ".png" or voxels.dtype.kind != "f":
        return translation
    bits = 8 if (preprocessing.target_map.high or 0.0) <= _MOST[8] else 16
    rounded = np.rint(voxels)
    levels = np.clip(rounded, 0, _MOST[bits])
    beyond = int((levels != rounded).sum())
    note = f"values are rounded to whole levels of {bits} bits, as PNG holds them"
    note += f"; {beyond} beyond them are clipped" if beyond else ""
    whole = levels.astype(np.uint8 if bits == 8 else np.uint16)
    record = {**translation.record, "notes": [*translation.record["notes"], note]}
    return replace(translation, volume=translation.volume.with_voxels(whole), record=record)
