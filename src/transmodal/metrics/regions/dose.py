"""Comparison of dose volumes of a planning system: the gamma index and figures of dose-volume histograms.

No dose is computed here. Low, Harms, Mutic and Purdy, "A technique for the quantitative evaluation of dose
distributions", Med Phys 25(5), 1998, defines gamma; Wendling et al., "A fast algorithm for gamma evaluation in
3D", Med Phys 34(5), 2007, the search in an interpolated dose, outwards until nothing nearer can be found. The
figures of the histograms are those of ICRU report 83.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.errors import InputError, UsageError
from transmodal.metrics.checks import Array, Float, Mask, check_pair, no_content

Spacing = tuple[float, float, float]
_NEAR = 1e-9
"""Share of a voxel: a place nearer to a centre than this lies on it."""
_AT_ONCE = 200_000
"""Doses that are interpolated at once: they stay in the cache."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """The criterion by which two doses agree at a point.

    Attributes:
        dose_percent: difference of dose that is tolerated, in per cent.
        distance_mm: distance to agreement that is tolerated.
        cutoff_percent: points below this share of the normalisation dose do not count.
        normalisation: `global`: per cent of the normalisation dose; `local`: of the reference's dose at the
            point.
        normalisation_gy: that dose; None takes the reference's maximum.
        limit: the search ends at this gamma, and a greater one is given as this.
        steps: of the search, per `distance_mm`; Wendling et al. advise 10.
    """

    dose_percent: float = 2.0
    distance_mm: float = 2.0
    cutoff_percent: float = 10.0
    normalisation: Literal["global", "local"] = "global"
    normalisation_gy: float | None = None
    limit: float = 2.0
    steps: int = 10

    def __post_init__(self) -> None:
        """Refuse values that are no criterion.

        Raises:
            UsageError: E001.
        """
        positive = (self.dose_percent, self.distance_mm, self.steps, self.normalisation_gy or 1.0)
        if (
            not all(math.isfinite(number) and number > 0 for number in positive)
            or not 0 <= self.cutoff_percent < 100
            or not (math.isfinite(self.limit) and self.limit >= 1)
            or (self.normalisation == "local" and self.cutoff_percent == 0)
        ):
            raise UsageError(
                "E001",
                f"the criterion {self}",
                "positive tolerances, a cut-off of 0 to below 100 % (above 0 where local), a limit of 1 or more",
                "Write one such as 2%/2mm, with a cut-off of 10 %.",
            )

    def to_json(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return asdict(self)


class Gamma(NamedTuple):
    """Agreement of two doses.

    Attributes:
        pass_percent: share of the points with a gamma of 1 or less, in per cent; higher is better.
        mean: over the points; lower is better.
        n_points: points that count.
        normalisation_gy: the dose that per cents are of.
        values: float32 `(I, J, K)`, NaN where a point does not count; none exceeds the criterion's limit.
    """

    pass_percent: float
    mean: float
    n_points: int
    normalisation_gy: float
    values: NDArray[np.float32]


class DvhFigures(NamedTuple):
    """Figures of the dose-volume histogram of one structure.

    Attributes:
        n: voxels of the structure.
        mean_gy: mean dose.
        d98_gy: dose that 98 % of the volume gets at least (near-minimum).
        d95_gy: that 95 % gets at least.
        d2_gy: that 2 % gets at least (near-maximum).
        at_least_percent: share of the volume that gets at least so many Gy, in per cent, by Gy (V20 at 20).
    """

    n: int
    mean_gy: float
    d98_gy: float
    d95_gy: float
    d2_gy: float
    at_least_percent: dict[float, float]


def gamma(
    reference: Array,
    evaluated: Array,
    spacing_mm: Spacing,
    criterion: Criterion | None = None,
    *,
    mask: Mask | None = None,
) -> Gamma:
    """Return the gamma index of every point of the reference that counts.

    Gamma is the least `sqrt((distance / distance_mm)^2 + (difference / tolerance)^2)` over all places of the
    evaluated dose, which is linear between the voxels' centres, and not known beyond the outermost. Places are
    searched on a lattice of `distance_mm / steps` around the point, nearest first.

    Args:
        reference: dose in Gy, `(I, J, K)`.
        evaluated: dose in Gy, of the same shape and on the same grid.
        spacing_mm: of the voxels.
        criterion: None takes 2 % / 2 mm, global, above 10 %.
        mask: bool `(I, J, K)`: points outside it do not count; they are searched all the same.

    Raises:
        InputError: E130 for shapes that differ, E121 for what is not a volume, E120 for doses that are not
            finite, E124 for an empty mask, a reference without dose, or no point above the cut-off.
        UsageError: E001 for a spacing that is not positive.
    """
    rule = criterion or Criterion()
    _check(reference, evaluated, spacing_mm, mask)
    normal = rule.normalisation_gy or float(reference.max())
    if normal <= 0:
        raise no_content("a reference without dose", "a dose above 0 somewhere", "Check the file.")
    counts = reference >= rule.cutoff_percent / 100 * normal
    if mask is not None:
        counts &= mask
    if not counts.any():
        raise no_content(
            f"no point with {rule.cutoff_percent:g} % of {normal:g} Gy or more",
            "one point or more above the cut-off",
            "Lower the cut-off, or check the mask.",
        )
    doses = np.asarray(reference[counts], np.float64)
    tolerance = rule.dose_percent / 100 * (normal if rule.normalisation == "global" else doses)
    gammas = np.sqrt(_least_squared_gamma(doses, tolerance, counts, evaluated, spacing_mm, rule))
    values = np.full(reference.shape, np.nan, np.float32)
    values[counts] = gammas
    # A difference that is the tolerance itself passes, whatever its last bit.
    passed = float(np.count_nonzero(gammas <= 1 + 1e-9) / gammas.size)
    return Gamma(100 * passed, float(gammas.mean()), int(gammas.size), normal, values)


def dvh(dose: Array, structure: Mask, *, at_least_gy: Sequence[float] = ()) -> DvhFigures:
    """Return the figures of a structure's dose-volume histogram; every voxel counts as a whole.

    The dose that x % of the volume gets at least is the quantile 1 - x / 100 of the voxels' doses, linear
    between them.

    Args:
        dose: in Gy, `(I, J, K)`.
        structure: bool, of the same shape.
        at_least_gy: doses at which the volume is asked for.

    Raises:
        InputError: E130 for shapes that differ, E120 for a dose that is not finite, E124 for an empty structure.
    """
    check_pair(dose, dose, structure)
    inside = np.asarray(dose[structure], np.float64)
    d98, d95, d2 = np.quantile(inside, (0.02, 0.05, 0.98))
    volumes = {float(gy): 100 * float(np.count_nonzero(inside >= gy)) / inside.size for gy in at_least_gy}
    return DvhFigures(inside.size, float(inside.mean()), float(d98), float(d95), float(d2), volumes)


def _least_squared_gamma(
    doses: Float,
    tolerance: Float | float,
    counts: Mask,
    evaluated: Array,
    spacing_mm: Spacing,
    rule: Criterion,
) -> Float:
    """Return the least gamma, squared, of the points that count."""
    reach = rule.limit * rule.distance_mm
    pads = [math.ceil(reach / mm) + 1 for mm in spacing_mm]
    # NaN says that the dose is not known: it takes part in no minimum.
    evaluated_doses = np.asarray(evaluated, np.float64)
    flat = np.pad(evaluated_doses, [(pad, pad) for pad in pads], constant_values=math.nan)
    strides = np.array([flat.shape[1] * flat.shape[2], flat.shape[2], 1])
    search = _search(reach, rule.distance_mm / rule.steps, spacing_mm, strides)
    flat, places = flat.ravel(), (np.argwhere(counts) + pads) @ strides
    width = np.broadcast_to(np.asarray(tolerance, np.float64), doses.shape)
    least = np.full(doses.shape, rule.limit**2)
    active = np.flatnonzero(_may_agree(evaluated_doses, pads, counts, doses, rule.limit * width))
    start, far = 0, (search.distances_mm / rule.distance_mm) ** 2
    while start < len(far):
        active = active[least[active] > far[start]]
        if not active.size:
            break
        part = slice(start, start + max(1, _AT_ONCE // active.size))
        dose = np.zeros((len(far[part]), active.size))
        for voxels, weights in zip(search.voxels[part].T, search.weights[part].T, strict=True):
            dose += weights[:, None] * flat[places[active] + voxels[:, None]]
        squared = ((dose - doses[active]) / width[active]) ** 2 + far[part, None]
        least[active] = np.fmin(least[active], np.fmin.reduce(squared, axis=0))
        start = part.stop
    return least


class _Search(NamedTuple):
    """Places to search, nearest first: distances `(n,)`, and eight voxels with weights `(n, 8)`, from the point's own."""

    distances_mm: Float
    voxels: NDArray[np.int_]
    weights: Float


def _search(reach_mm: float, step_mm: float, spacing_mm: Spacing, strides: NDArray[np.int_]) -> _Search:
    """Return a cubic lattice up to a distance, as places of the linear interpolation in a flat array."""
    n = math.floor(reach_mm / step_mm + 1e-9)
    line = np.arange(-n, n + 1)
    lattice = np.stack(np.meshgrid(line, line, line, indexing="ij"), axis=-1).reshape(-1, 3)
    squares = (lattice**2).sum(axis=1)
    order = np.argsort(squares, kind="stable")
    order = order[squares[order] * step_mm**2 <= reach_mm**2 * (1 + 1e-12)]
    offsets = lattice[order] * step_mm / np.array(spacing_mm)
    base = np.floor(offsets + _NEAR)
    part = np.clip(offsets - base, 0, 1)
    part[part < _NEAR] = 0
    corners = np.array(list(product((0, 1), repeat=3)))
    weights = np.where(corners, part[:, None], 1 - part[:, None]).prod(axis=2)
    # A corner without weight stands for the base, lest a dose that is not known there count.
    voxels = (base[:, None] + corners * (part > 0)[:, None]).astype(int) @ strides
    return _Search(np.sqrt(squares[order]) * step_mm, voxels, weights)


def _may_agree(evaluated: Float, pads: Sequence[int], counts: Mask, doses: Float, margin: Float) -> Mask:
    """Tell which points have a dose near theirs anywhere in reach: the others need no search."""
    size = [2 * pad + 1 for pad in pads]
    lowest = ndimage.minimum_filter(evaluated, size, mode="nearest")[counts]
    highest = ndimage.maximum_filter(evaluated, size, mode="nearest")[counts]
    near: Mask = (doses >= lowest - margin) & (doses <= highest + margin)
    return near


def _check(reference: Array, evaluated: Array, spacing_mm: Spacing, mask: Mask | None) -> None:
    check_pair(reference, evaluated, mask)
    if reference.ndim != 3:
        raise InputError(
            "E121", f"a dose of shape {reference.shape}", "a volume (I, J, K)", "Give a volume of doses."
        )
    if not all(math.isfinite(mm) and mm > 0 for mm in spacing_mm):
        raise UsageError("E001", f"a spacing of {spacing_mm} mm", "positive lengths", "Check the header.")
