"""The pair of volumes that metrics compare, and what is known of their values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from transmodal.metrics.checks import Array, Float, Mask


@dataclass(frozen=True, slots=True)
class ImagePair:
    """A measured and a synthetic volume on one grid.

    Attributes:
        reference: the target as measured, `(I, J, K)`, or `(I, J, K, 3)` in colour.
        synthetic: the translator's volume, of the same shape and in the same unit.
        data_range: width of the range of possible values; white, in colour.
        unit: of the values, such as `HU`.
        spacing_mm: of the voxels.
        axis: the axial one, 0 to 2: 2D metrics take slices of it.
        mask: bool `(I, J, K)`; None takes the whole volume.
        background: value of empty space, where SSIM and energies count from: -1024 for HU, 0 otherwise.
        source: the volume that was translated, grey, scaled to [0, 1]; None where no metric needs it.
        labels: integer labels of organs `(I, J, K)`, 0 is background; None where there are none.
        orientation: directions that the axes run to, such as `RAS`.
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
    orientation: str = "RAS"

    @property
    def is_colour(self) -> bool:
        """Whether the volumes have channels."""
        return self.reference.ndim == 4

    @property
    def kind(self) -> Literal["grey", "colour"]:
        """Which metrics take the pair."""
        return "colour" if self.is_colour else "grey"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the volumes, without channels."""
        return self.reference.shape[:3]

    @property
    def slice_shape(self) -> tuple[int, ...]:
        """The shape of a slice, without channels."""
        return tuple(n for axis, n in enumerate(self.shape) if axis != self.axis)

    @property
    def above_background(self) -> tuple[Array, Array]:
        """Both volumes, counted from the background's value."""
        if self.background == 0:
            return self.reference, self.synthetic
        return (
            np.asarray(self.reference, np.float64) - self.background,
            np.asarray(self.synthetic, np.float64) - self.background,
        )

    def in_grey(self) -> ImagePair:
        """Return the pair with the mean of the channels in place of colour."""
        if not self.is_colour:
            return self
        return replace(
            self, reference=mean_of_channels(self.reference), synthetic=mean_of_channels(self.synthetic)
        )


def mean_of_channels(volume: Array) -> Float:
    """Return the grey of a colour volume, `(I, J, K)` in float64."""
    grey: Float = np.asarray(volume, np.float64).mean(axis=-1)
    return grey
