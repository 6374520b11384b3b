"""The embedded data: four real average brains on one 1 mm grid in MNI space.

T1, grey and white matter are the ICBM 2009a nonlinear symmetric average of 152 adults; the fractional
anisotropy is a group average that `tools/register_fa.py` brought onto them. Their licences stand in
`DATA_LICENSES.md`, their limits in `docs/concepts/embedded-data.md`.

T1, grey and white matter are exactly symmetric left to right: none of them shows a mirrored output.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from scipy import ndimage

from transmodal.volumes import io
from transmodal.volumes.volume import Volume

FOLDER = Path(__file__).parents[1] / "embedded"
"""Folder of the files; `figures.json` beside them says how well the FA volume is registered."""


@cache
def t1() -> Volume:
    """Return the average T1 without skull: uint8, 0 outside the brain, 28 to 255 inside."""
    return _load("t1")


@cache
def gm() -> Volume:
    """Return the fraction of grey matter: float32 in `[0, 1]`, 0 outside the brain."""
    return _load("gm")


@cache
def wm() -> Volume:
    """Return the fraction of white matter: float32 in `[0, 1]`, 0 outside the brain."""
    return _load("wm")


@cache
def fa() -> Volume:
    """Return the average fractional anisotropy: float32 in `[0, 0.92]`, 0 outside the brain."""
    return _load("fa")


@cache
def mask() -> Volume:
    """Return the brain: uint8, 1 where the T1 is above 0 or enclosed by such voxels."""
    inside = ndimage.binary_fill_holes(t1().voxels > 0)
    return _make_read_only(t1().with_voxels(np.asarray(inside, dtype=np.uint8)))


def _load(name: str) -> Volume:
    return _make_read_only(io.read(FOLDER / f"{name}.nii.gz"))


def _make_read_only(volume: Volume) -> Volume:
    """Make the voxels read-only: every caller is handed the same array."""
    volume.voxels.setflags(write=False)
    return volume
