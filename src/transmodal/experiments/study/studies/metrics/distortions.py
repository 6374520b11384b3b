"""Distortions of a measured image: faults that synthetic images have, each in four strengths.

All are functions of the image, of where it lies and of a strength; noise and places are drawn by a seed, so that a
distortion is the same whenever it is made. Strengths are in units that a reader knows: shares of the image's robust
range, voxels, millimetres.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float64]


class MeasuredScene(NamedTuple):
    """A measured image and its surroundings.

    Attributes:
        image: `(I, J, K)` in its unit.
        mask: bool, where figures are taken.
        spread: width of the image's robust range inside the mask, in its unit.
        low: lower end of that range.
        spacing_mm: of the voxels.
        lesions: bool; empty where none are known.
        seed: of draws.
    """

    image: Array
    mask: NDArray[np.bool_]
    spread: float
    low: float
    spacing_mm: tuple[float, float, float]
    lesions: NDArray[np.bool_]
    seed: int


class Distortion(NamedTuple):
    """One kind of fault.

    Attributes:
        name: as tables show it.
        unit: of its strengths.
        strengths: rising.
        make: from a scene and a strength; None where the scene has nothing to distort.
        is_anatomical: whether it takes anatomy away or invents it.
    """

    name: str
    unit: str
    strengths: tuple[float, ...]
    make: Callable[[MeasuredScene, float], Array | None]
    is_anatomical: bool = False


def distortions() -> tuple[Distortion, ...]:
    """Return all kinds, in the order of tables."""
    shares = (0.02, 0.05, 0.1, 0.2)
    return (
        Distortion("blur", "mm, standard deviation", (0.5, 1.0, 2.0, 4.0), _blur),
        Distortion("noise", "of the range", shares, _noise),
        Distortion("ghosting", "of the range's share that is repeated", shares, _ghosting),
        Distortion("bias", "of the values, from end to end", shares, _bias),
        Distortion("shift", "voxels", (0.25, 0.5, 1.0, 2.0), _shift),
        Distortion("gain", "of the values", shares, _gain),
        Distortion("stripes", "of the range, slice by slice", shares, _stripes),
        Distortion("checkerboard", "of the range", shares, _checkerboard),
        Distortion("contrast", "exponent less 1", (0.05, 0.1, 0.2, 0.4), _contrast),
        Distortion("lesion removed", "of its contrast", (0.25, 0.5, 0.75, 1.0), _remove_lesions, True),
        Distortion("lesion invented", "mm, radius", (2.0, 4.0, 6.0, 8.0), _invent_lesion, True),
    )


def _blur(scene: MeasuredScene, strength: float) -> Array:
    return _filtered(scene.image, [strength / mm for mm in scene.spacing_mm])


def _noise(scene: MeasuredScene, strength: float) -> Array:
    return scene.image + strength * scene.spread * _draw(scene).standard_normal(scene.image.shape)


def _ghosting(scene: MeasuredScene, strength: float) -> Array:
    """Repeat the image at a quarter of the field of view, along the second axis, as motion between lines does."""
    step = max(1, scene.image.shape[1] // 4)
    floor = float(scene.image.min())
    ghost = np.roll(scene.image - floor, step, axis=1) + np.roll(scene.image - floor, -step, axis=1)
    repeated: Array = scene.image + strength * ghost / 2
    return repeated


def _bias(scene: MeasuredScene, strength: float) -> Array:
    slope = np.linspace(-0.5, 0.5, scene.image.shape[0])[:, None, None]
    return _scaled(scene, 1 + strength * slope)


def _shift(scene: MeasuredScene, strength: float) -> Array:
    moved: Array = ndimage.shift(scene.image, (strength, 0, 0), order=1, mode="nearest")
    return moved


def _gain(scene: MeasuredScene, strength: float) -> Array:
    return _scaled(scene, 1 + strength)


def _stripes(scene: MeasuredScene, strength: float) -> Array:
    steps = _draw(scene).choice((-1.0, 1.0), scene.image.shape[2])
    stripes: Array = steps * scene.mask
    return scene.image + strength * scene.spread * stripes


def _checkerboard(scene: MeasuredScene, strength: float) -> Array:
    i, j = np.arange(scene.image.shape[0])[:, None, None], np.arange(scene.image.shape[1])[None, :, None]
    board: Array = np.where((i + j) % 2, 0.5, -0.5) * scene.mask
    return scene.image + strength * scene.spread * board


def _contrast(scene: MeasuredScene, strength: float) -> Array:
    """Bend the range by an exponent; its ends stay."""
    share = np.clip((scene.image - scene.low) / scene.spread, 0, 1)
    bent_image = scene.low + scene.spread * share ** (1 + strength)
    return np.where(scene.mask & (share > 0) & (share < 1), bent_image, scene.image)


def _remove_lesions(scene: MeasuredScene, strength: float) -> Array | None:
    """Fill lesions with the values of their surroundings, in part or whole."""
    if not scene.lesions.any():
        return None
    outside = ndimage.binary_dilation(scene.lesions, iterations=3) & ~scene.lesions & scene.mask
    if not outside.any():
        return None
    nearest: Any = ndimage.distance_transform_edt(~outside, return_distances=False, return_indices=True)
    filled = scene.image[tuple(nearest)]
    return np.where(scene.lesions, scene.image + strength * (filled - scene.image), scene.image)


def _invent_lesion(scene: MeasuredScene, strength: float) -> Array | None:
    """Put a ball of the range's upper end deep into the mask."""
    depth = ndimage.distance_transform_edt(scene.mask, sampling=scene.spacing_mm)
    deep = np.argwhere(depth >= max(0.5 * float(depth.max()), float(min(scene.spacing_mm))))
    if not len(deep):
        return None
    middle = deep[int(_draw(scene).integers(len(deep)))]
    places = np.indices(scene.image.shape)
    square = sum(((places[a] - middle[a]) * scene.spacing_mm[a]) ** 2 for a in range(3))
    ball = np.exp(-0.5 * np.maximum(0, np.sqrt(square) - strength) ** 2)
    bright: Array = scene.image + ball * (scene.low + scene.spread - scene.image)
    return bright


def _scaled(scene: MeasuredScene, gain: float | Array) -> Array:
    """Multiply values, counted from the lower end of their range, inside the mask."""
    return np.where(scene.mask, scene.low + (scene.image - scene.low) * gain, scene.image)


def _filtered(image: Array, sigma: list[float]) -> Array:
    smooth: Array = ndimage.gaussian_filter(image, sigma, mode="nearest")
    return smooth


def _draw(scene: MeasuredScene) -> np.random.Generator:
    return np.random.default_rng(scene.seed)
