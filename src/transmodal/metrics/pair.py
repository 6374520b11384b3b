"""How each metric of the suite is taken of a pair of volumes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import numpy as np

from transmodal.metrics.checks import Array, Mask
from transmodal.metrics.slices import PlaneMetric, over_slices
from transmodal.metrics.suite import artefacts, fsim, ms_ssim, ssim
from transmodal.metrics.suite import voxels as image


@dataclass(frozen=True, slots=True)
class Scene:
    """What figures are taken of.

    Attributes:
        reference: the target as measured, `(I, J, K)`, or `(I, J, K, 3)` in colour.
        synthetic: what a translator made, of the same shape and in the same unit.
        data_range: width of the range of possible values; white, in colour.
        unit: of the values, such as `HU`.
        spacing_mm: of the voxels.
        axis: the axis that is sliced, 0 to 2.
        mask: bool `(I, J, K)`; None takes the whole volume.
        background: the value of nothing, where SSIM and energies count from: -1024 for HU, 0 otherwise.
        source: what the synthetic volume was made from, grey, scaled to [0, 1]; None where it is not asked for.
        labels: integer labels of organs `(I, J, K)`, 0 is background; None where there are none.
    """

    reference: Array
    synthetic: Array
    data_range: float
    unit: str
    spacing_mm: tuple[float, float, float]
    axis: int = 2
    mask: Mask | None = None
    background: float = 0
    source: Array | None = None
    labels: Array | None = None

    @property
    def is_colour(self) -> bool:
        """Whether the volumes have channels."""
        return self.reference.ndim == 4

    @property
    def above(self) -> tuple[Array, Array]:
        """Both volumes, counted from the background's value."""
        if self.background == 0:
            return self.reference, self.synthetic
        return (
            np.asarray(self.reference, np.float64) - self.background,
            np.asarray(self.synthetic, np.float64) - self.background,
        )

    @property
    def kind(self) -> Literal["grey", "colour"]:
        """Which metrics the volumes take."""
        return "colour" if self.is_colour else "grey"

    @property
    def plane(self) -> tuple[int, ...]:
        """The shape of a slice."""
        return tuple(n for axis, n in enumerate(self.reference.shape[:3]) if axis != self.axis)


class Taken(NamedTuple):
    """A figure, and what of it depends on the volumes.

    Attributes:
        value: the figure; PSNR of identical volumes is `inf`.
        excluded: slices that have no figure and are left out; None for a 3D figure.
        size: what of the definition the shape decided, such as the levels; empty where nothing.
    """

    value: float
    excluded: int | None = None
    size: str = ""


def voxels(function: Callable[..., float], scene: Scene) -> Taken:
    """Take a figure of all voxels at once."""
    return Taken(function(scene.reference, scene.synthetic, mask=scene.mask))


def psnr(scene: Scene) -> Taken:
    """Take PSNR."""
    return voxels(partial(image.psnr, data_range=scene.data_range), scene)


def ssim_3d(scene: Scene) -> Taken:
    """Take SSIM of the volume."""
    figure = ssim.ssim(*scene.above, data_range=scene.data_range, mask=scene.mask, colour=scene.is_colour)
    return Taken(figure, size=_window(scene.reference.shape[:3]))


def ssim_2d(scene: Scene) -> Taken:
    """Take the mean SSIM of the slices."""
    figures = ssim.slice_ssim(*scene.above, axis=scene.axis, data_range=scene.data_range, mask=scene.mask)
    return Taken(figures.mean, figures.excluded, _window(scene.plane))


def ms_ssim_3d(scene: Scene) -> Taken:
    """Take MS-SSIM of the volume."""
    figure = ms_ssim.ms_ssim(
        *scene.above, data_range=scene.data_range, mask=scene.mask, colour=scene.is_colour
    )
    return Taken(figure, size=_levels(scene.reference.shape[:3]))


def ms_ssim_2d(scene: Scene) -> Taken:
    """Take the mean MS-SSIM of the slices."""

    def metric(x: Array, y: Array, mask: Mask | None) -> float:
        return ms_ssim.ms_ssim(x, y, data_range=scene.data_range, mask=mask, colour=scene.is_colour)

    return _slices(scene, metric, _levels(scene.plane))


def plane_metric(function: Callable[..., float], scene: Scene) -> Taken:
    """Take a metric of grey images, counted from the background, slice by slice."""

    def metric(x: Array, y: Array, mask: Mask | None) -> float:
        return function(x, y, data_range=scene.data_range, mask=mask)

    return _slices(scene, metric)


def tinted(function: Callable[..., float], scene: Scene) -> Taken:
    """Take a metric of colours over all voxels at once."""
    return Taken(function(scene.reference, scene.synthetic, white=scene.data_range, mask=scene.mask))


def fsim_colour(scene: Scene) -> Taken:
    """Take the mean FSIMc of the slices."""

    def metric(x: Array, y: Array, mask: Mask | None) -> float:
        return fsim.fsim_colour(x, y, white=scene.data_range, mask=mask)

    return _slices(scene, metric)


def gradient(scene: Scene) -> Taken:
    """Take the error of the slopes from slice to slice."""
    return Taken(
        artefacts.gradient_error(
            scene.reference,
            scene.synthetic,
            axis=scene.axis,
            spacing_mm=scene.spacing_mm[scene.axis],
            mask=scene.mask,
        )
    )


def lattice(scene: Scene) -> Taken:
    """Take the lattice's excess over whole slices: a mask's edge would be a lattice itself."""

    def metric(x: Array, y: Array, mask: Mask | None) -> float:
        return artefacts.lattice_excess(x, y)

    return _slices(scene, metric)


def _slices(scene: Scene, metric: PlaneMetric, size: str = "") -> Taken:
    """Average over slices; values are counted from the background, which colour has at 0."""
    figures = over_slices(metric, *scene.above, axis=scene.axis, mask=scene.mask)
    return Taken(figures.mean, figures.excluded, size)


def _window(shape: tuple[int, ...]) -> str:
    return f"window {'x'.join(map(str, ssim.window(shape)))}"


def _levels(shape: tuple[int, ...]) -> str:
    return f"{_window(shape)}, levels {ms_ssim.levels_of(shape)}"
