"""STSIM-1 and STSIM-2: structural texture similarity over a steerable pyramid.

Zujovic, Pappas and Neuhoff, "Structural texture similarity metrics for image analysis and retrieval", IEEE
TIP 22(7), 2013, over the pyramid of `metrics.steerable`: 14 sub-bands in all.

Both figures compare statistics, never pixels with pixels: a texture that is moved scores nearly 1. Decided
here, where the paper leaves a choice: statistics are global (one window, the image or the mask), sub-bands
are real, magnitudes are their absolute values, and a negative luminance term counts as 0.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from transmodal.metrics.checks import Array, Float, Mask, check_plane, check_range, fill_outside
from transmodal.metrics.metric import Metric, over_planes
from transmodal.metrics.steerable import ORIENTATIONS, SCALES, Pyramid, any_in_block, pyramid

STABILISER = 1e-10  # C, for images of data range 1
SMALLEST = 4 << SCALES  # the low-pass residual has four pixels then

_PYRAMID = "steerable pyramid 3 scales 4 orientations, global statistics, values counted from the background"
DEFINITION_1, DEFINITION_2 = f"STSIM-1, {_PYRAMID}", f"STSIM-2, {_PYRAMID}"


def stsim1(reference: Array, synthetic: Array, *, data_range: float, mask: Mask | None = None) -> float:
    """Return STSIM-1: the mean over 14 sub-bands of the four within-band terms.

    Unit 1, 0 to 1, higher is better. Per sub-band `(l c c01 c10)^(1/4)`: means, standard deviations and the
    correlations with the neighbour to the right and below.

    Args:
        reference: the target as measured, grey, `(H, W)`, at least 32 by 32.
        synthetic: the translator's image, of the same shape.
        data_range: width of the range of possible values, fixed by the protocol.
        mask: bool `(H, W)`: both images take the reference's mean outside, and statistics are over the mask.

    Raises:
        InputError: E130 for shapes that differ, E120 for values that are not finite, E124 for an empty mask,
            E121 for an array that is not an image.
        UsageError: E001 for a data range that is not positive, E004 for an image below 32 pixels along an
            axis.
    """
    x, y, masks = _prepare(reference, synthetic, data_range, mask)
    return float(np.mean(_compare_within(x, y, masks)))


def stsim2(reference: Array, synthetic: Array, *, data_range: float, mask: Mask | None = None) -> float:
    """Return STSIM-2: STSIM-1's 14 terms and 26 across sub-bands, averaged.

    Unit 1, 0 to 1, higher is better. The further terms compare the correlations of magnitudes: of the 6 pairs
    of orientations per scale, and of each orientation with itself one scale coarser, at every second sample
    of the finer one.

    Args:
        reference: as in `stsim1`.
        synthetic: as in `stsim1`.
        data_range: as in `stsim1`.
        mask: as in `stsim1`.

    Raises:
        InputError: as `stsim1`.
        UsageError: as `stsim1`.
    """
    x, y, masks = _prepare(reference, synthetic, data_range, mask)
    return float(np.mean([*_compare_within(x, y, masks), *_compare_across(x, y, masks)]))


def _prepare(
    reference: Array, synthetic: Array, data_range: float, mask: Mask | None
) -> tuple[Pyramid, Pyramid, tuple[Mask, ...]]:
    check_range(data_range)
    check_plane(reference, synthetic, mask, channels=1, side=SMALLEST)
    x, y = fill_outside(reference, synthetic, mask)
    inside = np.ones(x.shape, bool) if mask is None else mask
    masks = tuple(any_in_block(inside, 2**scale) for scale in range(SCALES + 1))
    return pyramid(x / data_range), pyramid(y / data_range), masks


def _compare_within(x: Pyramid, y: Pyramid, masks: tuple[Mask, ...]) -> list[float]:
    terms = [_compare_band(x.high, y.high, masks[0]), _compare_band(x.low, y.low, masks[SCALES])]
    for of_x, of_y, mask in zip(x.bands, y.bands, masks[:SCALES], strict=True):
        terms += [_compare_band(a, b, mask) for a, b in zip(of_x, of_y, strict=True)]
    return terms


def _compare_band(x: Float, y: Float, mask: Mask) -> float:
    """Join a sub-band's four comparisons: (l c c01 c10)^(1/4)."""
    c = STABILISER
    inside_x, inside_y = x[mask], y[mask]
    mean_x, mean_y = inside_x.mean(), inside_y.mean()
    std_x, std_y = inside_x.std(), inside_y.std()
    luminance = max(0.0, (2 * mean_x * mean_y + c) / (mean_x**2 + mean_y**2 + c))
    contrast = (2 * std_x * std_y + c) / (std_x**2 + std_y**2 + c)
    lags = [1 - abs(_lag(x, mask, axis) - _lag(y, mask, axis)) / 2 for axis in (1, 0)]
    return float((luminance * contrast * lags[0] * lags[1]) ** 0.25)


def _lag(band: Float, mask: Mask, axis: int) -> float:
    """Return the correlation with the next sample along an axis, by pairs in the mask; 1 without a pair."""
    lower, upper = (slice(None),) * axis + (slice(None, -1),), (slice(None),) * axis + (slice(1, None),)
    pairs = mask[lower] & mask[upper]
    if not pairs.any():
        return 1.0
    centred = band - band[mask].mean()
    product = (centred[lower][pairs] * centred[upper][pairs]).mean()
    return _ratio(product, float((centred[mask] ** 2).mean()))


def _compare_across(x: Pyramid, y: Pyramid, masks: tuple[Mask, ...]) -> list[float]:
    terms = []
    for scale in range(SCALES):
        for a, b in combinations(range(ORIENTATIONS), 2):
            rho_x, rho_y = (
                _correlation(image.bands[scale][a], image.bands[scale][b], masks[scale]) for image in (x, y)
            )
            terms.append(1 - abs(rho_x - rho_y) / 2)
    for scale in range(SCALES - 1):
        for k in range(ORIENTATIONS):
            rho_x, rho_y = (
                _correlation(image.bands[scale][k][::2, ::2], image.bands[scale + 1][k], masks[scale + 1])
                for image in (x, y)
            )
            terms.append(1 - abs(rho_x - rho_y) / 2)
    return terms


def _correlation(a: Float, b: Float, mask: Mask) -> float:
    """Correlate the magnitudes of two sub-bands of one size."""
    magnitude_a, magnitude_b = np.abs(a[mask]), np.abs(b[mask])
    covariance = ((magnitude_a - magnitude_a.mean()) * (magnitude_b - magnitude_b.mean())).mean()
    return _ratio(covariance, float(magnitude_a.std() * magnitude_b.std()))


def _ratio(product: float, norm: float) -> float:
    """Divide, with 1 for two sub-bands without energy; a correlation, so at most 1 in size."""
    return float(np.clip((product + STABILISER) / (norm + STABILISER), -1, 1))


METRICS = (
    Metric(
        "stsim1",
        "1",
        "higher",
        in_2d=over_planes(stsim1),
        definition=DEFINITION_1,
        in_grey=True,
        smallest=SMALLEST,
    ),
    Metric(
        "stsim2",
        "1",
        "higher",
        in_2d=over_planes(stsim2),
        definition=DEFINITION_2,
        in_grey=True,
        smallest=SMALLEST,
    ),
)
