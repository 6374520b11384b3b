"""Subjects that files of benchmarks share: ellipsoids of smooth tissue in air, quick to make, each its own; and calls of verbs."""

from __future__ import annotations

import contextlib
import io as streams
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal import cli
from transmodal.volumes import Volume, io

Shape = tuple[int, int, int]


def write_subjects(folder: Path, count: int, shape: Shape, *, spacing_mm: float = 1.0) -> None:
    """Write a T1, an FA and a mask of each subject, as `prepare folders` reads them."""
    affine = np.diag([spacing_mm] * 3 + [1.0])
    for number in range(count):
        place = folder / f"case-{number:04d}"
        place.mkdir(parents=True)
        t1, fa, mask = draw(shape, number)
        for name, voxels in (("t1", t1), ("fa", fa), ("mask", mask)):
            io.write(Volume(voxels, affine), place / f"{name}.nii.gz")


def draw(shape: Shape, number: int) -> tuple[NDArray[np.int16], NDArray[np.float32], NDArray[np.uint8]]:
    """Return T1, FA and mask of the subject of this number: lumps of its own, and half of the noise of its own."""
    random = np.random.default_rng(number + 1)
    radii = random.uniform(0.75, 0.9, 3)
    i, j, k = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in shape)]
    inside = (i / radii[0]) ** 2 + (j / radii[1]) ** 2 + (k / radii[2]) ** 2 < 1
    coarse = random.standard_normal([max(4, n // 6) for n in shape])
    lumps = ndimage.zoom(coarse, [n / m for n, m in zip(shape, coarse.shape, strict=True)], order=1)
    noise = random.standard_normal((2, *shape), np.float32)
    t1 = np.where(inside, 500 + 150 * lumps + 12 * noise[0], 0).clip(0, 2000)
    fa = np.where(inside, 0.4 + 0.15 * lumps + 0.02 * noise[1], 0).clip(0, 1)
    return t1.astype(np.int16), fa.astype(np.float32), inside.astype(np.uint8)


def call(words: str) -> None:
    """Run a verb in this process, without its words.

    Raises:
        SystemExit: where it does not end with 0.
    """
    with (
        contextlib.redirect_stdout(streams.StringIO()),
        contextlib.redirect_stderr(streams.StringIO()) as said,
    ):
        status = cli.run(words.split())
    if status:
        raise SystemExit(f"transmodal {words} ended with {status}: {said.getvalue()[-500:]}")
