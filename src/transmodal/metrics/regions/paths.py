"""Range error: the water-equivalent path length along beams through a synthetic CT. It is no dose.

The energy that a proton loses on its way is the line integral of the stopping power relative to water; the user's curve
takes HU to it, and the figure is as good as that curve. Schneider, Pedroni and Lomax, "The calibration of CT
Hounsfield units for radiotherapy treatment planning", Phys Med Biol 41(1), 1996, tells how a clinic makes its
own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.ndimage import map_coordinates

from transmodal.errors import InputError, UsageError
from transmodal.metrics.checks import Array, Float, Mask, check_pair, no_content

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class StoppingPowerCurve:
    """Stopping power relative to water by HU: linear between the points, constant beyond them.

    Attributes:
        hu: ascending.
        ratio: at those points, 0 or more; 1 is water.
    """

    hu: tuple[float, ...]
    ratio: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse points that are no curve.

        Raises:
            UsageError: E001.
        """
        rising = all(a < b for a, b in zip(self.hu, self.hu[1:], strict=False))
        if len(self.hu) != len(self.ratio) or len(self.hu) < 2 or not rising or min(self.ratio) < 0:
            raise UsageError(
                "E001",
                f"a curve of {len(self.hu)} HU and {len(self.ratio)} ratios",
                "two points or more, HU ascending, ratios of 0 or more",
                "Give the HU calibration of the scanner.",
            )

    def of(self, hu: Float) -> Float:
        """Return the ratio at every value."""
        return np.interp(hu, self.hu, self.ratio)


class RangeError(NamedTuple):
    """Difference of the beams' paths through the synthetic CT and the reference, in mm of water.

    Attributes:
        mean_mm: of synthetic less reference, over the rays; 0 is best. Above 0 a planned beam would
            overshoot.
        mean_absolute_mm: lower is better.
        worst_mm: the 95th percentile of the absolute difference; lower is better.
        n_rays: how many rays meet the target.
    """

    mean_mm: float
    mean_absolute_mm: float
    worst_mm: float
    n_rays: int


def range_error(
    reference: Array,
    synthetic: Array,
    curve: StoppingPowerCurve,
    *,
    spacing_mm: Vector,
    direction: Vector,
    body: Mask,
    target: Mask | None = None,
) -> RangeError:
    """Return the error of the water-equivalent path length of parallel rays, to the far side of the target.

    Rays are apart by the smallest spacing, and sampled at it (HU by linear interpolation, masks by the
    nearest voxel); along an axis of an isotropic grid they run through the voxels' centres. Voxels outside
    the body count as nothing, in both images.

    Args:
        reference: CT in HU, `(I, J, K)`.
        synthetic: the translator's image, of the same shape.
        curve: HU to stopping power, the user's.
        spacing_mm: of the voxels.
        direction: in which the beam goes, along the voxel axes and in mm; of any length.
        body: bool `(I, J, K)`.
        target: bool `(I, J, K)`: rays that miss it do not count; None takes the body.

    Raises:
        InputError: E121 for what is not a volume, E130 for shapes that differ, E120 for values that are not
            finite, E124 for an empty body, a target outside it, or one so small that the rays pass by.
        UsageError: E001 for a spacing that is not positive or a direction without length.
    """
    aim = body if target is None else target & body
    _check(reference, synthetic, body, aim)
    beam = _beam(reference.shape, spacing_mm, direction)
    images = [np.asarray(image, np.float64) for image in (reference, synthetic)]
    errors = [_sheet_errors(images, curve, body, aim, places) * beam.step_mm for places in beam.sheets()]
    off = np.concatenate(errors)
    if not off.size:
        raise no_content(
            "a target that no ray meets", "a target of voxels inside the body", "Check both masks."
        )
    return RangeError(
        float(off.mean()), float(np.abs(off).mean()), float(np.quantile(np.abs(off), 0.95)), len(off)
    )


class _Beam(NamedTuple):
    """Parallel rays over a volume; `frame` holds the unit vectors along the rays and across them, in mm."""

    frame: Float
    counts: tuple[int, ...]
    centre: Float
    spacing: Float
    step_mm: float

    def sheets(self) -> Iterator[Float]:
        """Yield the samples' voxel coordinates sheet by sheet, `(3, rays, samples)`."""
        along, across, over = (
            (np.arange(n) - (n - 1) / 2)[:, None] * self.step_mm * axis
            for n, axis in zip(self.counts, self.frame, strict=True)
        )
        for offset in over:
            places = (across[:, None] + along[None, :] + offset) / self.spacing + self.centre
            yield np.moveaxis(places, -1, 0)


def _beam(shape: tuple[int, ...], spacing_mm: Vector, direction: Vector) -> _Beam:
    spacing, along = np.array(spacing_mm, np.float64), np.array(direction, np.float64)
    length = float(np.linalg.norm(along))
    if not (np.isfinite(spacing).all() and (spacing > 0).all() and np.isfinite(length) and length > 0):
        raise UsageError(
            "E001",
            f"a spacing of {spacing_mm} mm and a direction of {direction}",
            "a positive spacing and a direction with a length",
            "Give both along the voxel axes.",
        )
    along /= length
    across = np.cross(along, np.eye(3)[int(np.argmin(np.abs(along)))])
    across /= np.linalg.norm(across)
    frame = np.stack([along, across, np.cross(along, across)])
    step = float(spacing.min())
    extent = np.abs(frame) @ (np.array(shape) * spacing)
    counts = tuple(int(np.ceil(length / step - 1e-9)) for length in extent)
    return _Beam(frame, counts, (np.array(shape) - 1) / 2, spacing, step)


def _sheet_errors(
    images: list[Float], curve: StoppingPowerCurve, body: Mask, target: Mask, places: Float
) -> Float:
    """Return the difference of the paths of the rays that meet the target, in steps."""
    # Unlike `constant`, `grid-constant` keeps the outer half of the voxels at the border.
    inside, aimed = (
        map_coordinates(mask.astype(np.uint8), places, order=0, mode="grid-constant") > 0
        for mask in (body, target)
    )
    meets_target = aimed.any(axis=1)
    if not meets_target.any():
        return np.empty(0)
    behind = np.cumsum(aimed[meets_target][:, ::-1], axis=1)[:, ::-1] == 0
    counted = inside[meets_target] & ~behind
    reference, synthetic = (
        curve.of(map_coordinates(image, places[:, meets_target], order=1, mode="nearest")) for image in images
    )
    off: Float = ((synthetic - reference) * counted).sum(axis=1)
    return off


def _check(reference: Array, synthetic: Array, body: Mask, aim: Mask) -> None:
    check_pair(reference, synthetic, body)
    check_pair(reference, synthetic, aim)
    if reference.ndim != 3:
        raise InputError(
            "E121", f"an array of shape {reference.shape}", "a volume (I, J, K)", "Give a volume."
        )
