"""An image's appearance in a few figures, by which a source is compared with a training cohort.

Of any image: how fine its detail is, how bright its rim is beside its middle, how its intensities spread. Of a
head also what the tissues show, read where the embedded template lies (`volumes.regions.head_pose`): ratios to white
matter, which no gain changes, after a smooth field of bias is divided out. All of it on a grid of about 4 mm.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.volumes.regions.coarse_image import CoarseImage, Pose
from transmodal.volumes.regions.head_pose import find_pose
from transmodal.volumes.regions.template_points import FLUID, SHELLS_MM, template_points
from transmodal.volumes.volume import Volume

Floats = NDArray[np.float64]

LEAST_CELLS = 8
"""Cells of 4 mm along each axis below which an image is too small to be looked at."""
LEAST_CM3 = 200.0
"""Content below which an image is too small to be looked at."""
_AIR_HU = -300.0  # a background below it is air in Hounsfield units
_SOFT_HU = (-100.0, 150.0)
_DARK = 0.25  # of the bright end: a low end above it is no background but tissue
_ROUNDS, _REWEIGHTED = 4, 3
_FROM_BONE_MM = 8.0
_LEAST_POINTS = 400
_LEAST_RATIO = 0.05


class Tissue(NamedTuple):
    """Intensities of the tissues of a head, as ratios to white matter, background taken away.

    Attributes:
        grey: grey matter.
        fluid: cerebrospinal fluid.
        skull: the 6 mm around the brain: skull, and fluid inside it; 0 in a stripped brain.
        air: 20 to 28 mm outside the brain; NaN where the image does not reach.
        texture: robust standard deviation within white matter.
        explained: share of the variance within the brain that the three tissues explain.
        white: intensity of white matter, in the image's own unit.
    """

    grey: float
    fluid: float
    skull: float
    air: float
    texture: float
    explained: float
    white: float


class Appearance(NamedTuple):
    """An image in figures.

    Attributes:
        detail: share of the variance that is finer than 8 mm: 0.03 to 0.2 in images, 0.9 in noise.
        rim: mean of the lateral faces less the mean of the middle, of the range from low to high.
        middle: quarter, half and three quarters of the intensities of the content, of the range.
        extent_mm: what the content measures along right, anterior and superior.
        levels: 1st, 50th and 99th percentile in the image's own unit.
        fit: how well a head's template fits, 0 to 2; 0 where it does not.
        coverage: share of the template's points that lie in the image.
        tissue: what the tissues show; None where no template was laid.
    """

    detail: float
    rim: float
    middle: tuple[float, float, float]
    extent_mm: tuple[float, float, float]
    levels: tuple[float, float, float]
    fit: float
    coverage: float
    tissue: Tissue | None


def measure_appearance(volume: Volume) -> Appearance | None:
    """Measure an image's appearance.

    Args:
        volume: grey or colour, however it lies; any intensities.

    Returns:
        Its figures; None where it is too small, too thin or too even to be looked at.
    """
    grey = volume.with_voxels(volume.voxels.mean(axis=-1, dtype=np.float32)) if volume.is_colour else volume
    coarse = CoarseImage(grey)
    means = coarse.means
    raw, middle, high = (float(value) for value in np.percentile(means, (1, 50, 99)))
    extent = np.array(grey.grid.shape) * grey.spacing
    if min(extent) < LEAST_CELLS * 4.0 or min(means.shape) < 4 or high - raw <= 1e-6 * max(1.0, abs(high)):
        return None
    low = np.float32(_background(means, raw))
    signal = np.clip(means, *_SOFT_HU) - low if is_hu(raw) else means - low
    brightness = np.clip(signal / max(float(np.percentile(signal, 98)), 1e-9), 0, 1.3)
    content = brightness > 0.15
    cell_cm3 = abs(float(np.linalg.det(coarse.affine[:, :3]))) / 1000
    if content.sum() * cell_cm3 < LEAST_CM3:
        return None
    pose = find_pose(coarse, brightness)
    positions = coarse.world(np.argwhere(content).astype(float))
    sides = np.subtract(*np.percentile(positions, (99, 1), axis=0)).tolist()
    quarter, half, most = np.percentile(brightness[content], (25, 50, 75)).tolist()
    return Appearance(
        detail=_detail(coarse, brightness),
        rim=_rim(brightness),
        middle=(quarter, half, most),
        extent_mm=(sides[0], sides[1], sides[2]),
        levels=(raw, middle, high),
        fit=0.0 if pose is None else pose.fit,
        coverage=0.0 if pose is None else pose.coverage,
        tissue=None if pose is None else _tissue(coarse, signal, pose, float(low), is_even=is_hu(raw)),
    )


def is_hu(low: float) -> bool:
    """Tell by an image's low end whether it is in Hounsfield units with air around."""
    return low < _AIR_HU


def _background(means: NDArray[np.float32], low: float) -> float:
    """Return the intensity of the background: its low end, or 0 where that is tissue; of HU the window's end."""
    if is_hu(low):
        return _SOFT_HU[0]
    tight = float(means.min()) >= 0 and low > _DARK * float(np.percentile(means, 98))
    return 0.0 if tight else low


def _detail(coarse: CoarseImage, brightness: NDArray[Any]) -> float:
    sigma = [4.0 / float(side) for side in np.linalg.norm(coarse.affine[:, :3], axis=0)]
    smooth = ndimage.gaussian_filter(brightness, sigma)
    return float(np.var(brightness - smooth) / max(float(np.var(brightness)), 1e-12))


def _rim(brightness: NDArray[Any]) -> float:
    i, j, k = brightness.shape
    faces = np.concatenate([brightness[[0, -1]].ravel(), brightness[:, [0, -1]].ravel()])
    inner = brightness[i // 4 : -(i // 4), j // 4 : -(j // 4), k // 4 : -(k // 4)]
    return float(faces.mean() - inner.mean())


def _tissue(
    coarse: CoarseImage, signal: NDArray[np.float32], pose: Pose, low: float, *, is_even: bool
) -> Tissue | None:
    template = template_points()
    values, is_covered = coarse.read(signal, pose.to_world(template.mm))
    # In Hounsfield units there is no bias, and bone beside the brain is a hundred times what tissues differ by.
    least_mm = _FROM_BONE_MM if is_even else 0.0
    inside = (
        is_covered
        & (template.label <= FLUID)
        & (template.parts.sum(axis=1) > 0.9)
        & (template.depth_mm > least_mm)
    )
    if inside.sum() < _LEAST_POINTS:
        return None
    at = (template.mm - template.mm.mean(axis=0)) / 80
    levels, bias = _levels(values, template.parts, at, inside, rounds=1 if is_even else _ROUNDS)
    white = max(abs(float(levels[0])), 1e-9)
    even = values / np.exp(bias)
    pure = inside & (template.parts[:, 0] > 0.8)
    middle = float(np.median(even[pure]))
    return Tissue(
        grey=float(levels[1]) / white,
        fluid=float(levels[2]) / white,
        skull=_shell_median(values, template.label, is_covered, 0) / white,
        air=_shell_median(values, template.label, is_covered, len(SHELLS_MM) - 1) / white,
        texture=1.4826 * float(np.median(np.abs(even[pure] - middle))) / max(abs(middle), 1e-9),
        explained=_explained_share(even[inside], (template.parts @ levels)[inside]),
        white=float(levels[0]) + low,
    )


def _levels(
    values: Floats, parts: Floats, at: Floats, inside: NDArray[np.bool_], *, rounds: int
) -> tuple[Floats, Floats]:
    """Return the intensities of white matter, grey matter and fluid, and the logarithm of the bias, fitted in turns."""
    quadratic = np.column_stack([at, at**2, at[:, [0]] * at[:, 1:], at[:, 1] * at[:, 2]])
    bias = np.zeros(len(values))
    for number in range(rounds):
        levels = _robust_least_squares(parts[inside] * np.exp(bias[inside])[:, None], values[inside])
        if number == rounds - 1:
            break
        modelled = parts @ levels
        ratio = values / np.where(modelled > 0.3 * np.abs(levels).max(), modelled, np.nan)
        used_points = inside & (ratio > 0.3) & (ratio < 3) & (parts[:, :2].sum(axis=1) > 0.8)
        if used_points.sum() < _LEAST_POINTS:
            break
        columns = np.column_stack([np.ones(int(used_points.sum())), quadratic[used_points]])
        bias = np.clip(
            quadratic @ np.linalg.lstsq(columns, np.log(ratio[used_points]), rcond=None)[0][1:], -1, 1
        )
    return levels, bias


def _robust_least_squares(columns: Floats, values: Floats) -> Floats:
    """Solve least squares in which outliers count less (Cauchy's weights)."""
    weight = np.ones(len(values))
    for _ in range(_REWEIGHTED):
        solved = np.linalg.lstsq(columns * weight[:, None], values * weight, rcond=None)[0]
        residuals = values - columns @ solved
        weight = 1 / np.sqrt(1 + (residuals / (2 * 1.4826 * np.median(np.abs(residuals)) + 1e-9)) ** 2)
    return np.asarray(solved)


def _explained_share(values: Floats, modelled: Floats) -> float:
    clipped = np.clip(values, *np.percentile(values, (1, 99)))
    return 1.0 - float(np.mean((clipped - modelled) ** 2) / max(float(np.var(clipped)), 1e-12))


def _shell_median(values: Floats, label: NDArray[np.intp], inside: NDArray[np.bool_], number: int) -> float:
    shell = values[inside & (label == 3 + number)]
    return float(np.median(shell)) if len(shell) > _LEAST_POINTS / 4 else float("nan")
