"""CW-SSIM: structural similarity of complex wavelet coefficients, which small shifts and turns hardly change.

Sampat, Wang, Gupta, Bovik and Markey, "Complex wavelet structural similarity: a new image similarity index", IEEE
TIP 18(11), 2009. The paper takes six scales of sixteen orientations and leaves the size of K open; here they are the
three scales of four orientations of `metrics.steerable`, as slices of brains have no 256 pixels, and K is a millionth of
the data range's square for each coefficient, which only settles windows without any content.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from transmodal.metrics.checks import Array, Float, Mask, check_plane, check_range, fill_outside
from transmodal.metrics.metric import Metric, over_planes
from transmodal.metrics.steerable import SCALES, Complex, any_in_block, complex_bands

WINDOW = 7  # coefficients per axis
STABILISER = 1e-6  # of a coefficient's power, for images of data range 1
SMALLEST = WINDOW << (SCALES - 1)


def cw_ssim(reference: Array, synthetic: Array, *, data_range: float, mask: Mask | None = None) -> float:
    """Return the mean complex wavelet structural similarity of two images.

    Unit 1, 0 to 1, higher is better. In windows of 7 by 7 coefficients of every sub-band
    `(2 |sum x conj(y)| + K) / (sum |x|^2 + sum |y|^2 + K)`: a phase that turns everywhere alike, as a small shift
    turns it, costs nothing.

    Args:
        reference: the target as measured, grey, `(H, W)`, at least 28 by 28.
        synthetic: the translator's image, of the same shape.
        data_range: width of the range of possible values, fixed by the protocol.
        mask: bool `(H, W)`: both images take the reference's mean outside, and windows count whose middle lies in it.

    Raises:
        InputError: E130 for shapes that differ, E120 for values that are not finite, E124 for an empty mask, E121 for
            an array that is not an image.
        UsageError: E001 for a data range that is not positive, E004 for an image below 28 pixels along an axis.
    """
    check_range(data_range)
    check_plane(reference, synthetic, mask, channels=1, side=SMALLEST)
    x, y = fill_outside(reference, synthetic, mask)
    inside = np.ones(x.shape, bool) if mask is None else mask
    figures = []
    for scale, (of_x, of_y) in enumerate(
        zip(complex_bands(x / data_range), complex_bands(y / data_range), strict=True)
    ):
        middle = any_in_block(inside, 2**scale)
        figures += [float(_compare(a, b)[middle].mean()) for a, b in zip(of_x, of_y, strict=True)]
    return float(np.mean(figures))


def _compare(x: Complex, y: Complex) -> Float:
    """Return the similarity in the window around every coefficient."""
    product = x * y.conj()
    joint = np.hypot(_sum(product.real), _sum(product.imag))
    power = _sum(np.abs(x) ** 2) + _sum(np.abs(y) ** 2)
    k = STABILISER * WINDOW**2
    similarity: Float = (2 * joint + k) / (power + k)
    return similarity


def _sum(values: Float) -> Float:
    total: Float = ndimage.uniform_filter(values, WINDOW, mode="reflect") * WINDOW**2
    return total


METRICS = (
    Metric(
        "cw_ssim",
        "1",
        "higher",
        in_2d=over_planes(cw_ssim),
        definition="CW-SSIM, steerable pyramid 3 scales 4 orientations, windows 7x7, values counted from the background",
        in_grey=True,
        smallest=SMALLEST,
    ),
)
