"""Subjects as files for tests that go from files to figures, and the recipe of a training of a step or two."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transmodal.volumes import Volume, io

AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])


def tiny_recipe(
    name: str = "tiny",
    *,
    translator: str = "unet_regression",
    task: str = "{source: [t1], target: fa}",
    data: str = "{spacing_mm: 4.0, region: body}",
    windows: str = "{kind: slice, axes: [z]}",
    settings: str = "{width: 4, levels: 2}",
    training: str = "{epochs: 1, batch: 4, samples_per_epoch: 8, device: cpu}",
) -> str:
    """Return a recipe as YAML, from T1 to FA if nothing else is said; its parts are YAML on one line."""
    return (
        f"name: {name}\ntranslator: {translator}\ntask: {task}\ndata: {data}\n"
        f"windows: {windows}\nsettings: {settings}\ntraining: {training}\n"
    )


def write_blob(folder: Path, seed: int) -> None:
    """Write T1 and FA of a small ball of noise."""
    draw = np.random.default_rng(seed)
    i, j, k = np.indices((12, 12, 9)) - np.array([6, 6, 4]).reshape(3, 1, 1, 1)
    t1 = (i**2 + j**2 + 1.5 * k**2 < 20) * (100 + 100 * draw.random((12, 12, 9)))
    _write(folder, {"t1": t1.astype(np.float32), "fa": (t1 / 400).astype(np.float32)})


def write_ellipsoid(
    folder: Path, seed: int, *, gain: float = 1.0, shape: tuple[int, int, int] = (17, 19, 14)
) -> None:
    """Write T1, FA and the mask of a lopsided ellipsoid; FA follows T1, by a factor."""
    draw = np.random.default_rng(seed)
    middle = [n // 2 for n in shape]
    i, j, k = np.indices(shape).astype(float)
    x, y = (i - middle[0]) / (middle[0] - 1), (j - middle[1]) / (middle[1] - 1)
    inside = x**2 + y**2 + ((k - middle[2] - 0.1 * i) / (middle[2] - 1)) ** 2 < 1
    t1 = inside * (60 + 30 * np.sin(i / 2 + seed) + 3 * draw.standard_normal(inside.shape))
    fa = inside * np.clip(gain * (t1 - 20) / 100, 0, 1)
    arrays = {"t1": t1.astype(np.float32), "fa": fa.astype(np.float32), "mask": inside.astype(np.uint8)}
    _write(folder, arrays)


def _write(folder: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    folder.mkdir(parents=True)
    for name, voxels in arrays.items():
        io.write(Volume(voxels, AFFINE), folder / f"{name}.nii.gz")
