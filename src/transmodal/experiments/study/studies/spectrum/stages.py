"""Radial power spectra of maps of features, in shares of each channel's own power."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

STAGE_RINGS = 8
"""Rings of equal width from 0 to the highest frequency that a map can show."""
FEWEST_SIDE = 8
"""Pixels of a map's shorter side below which it has too few frequencies to be sorted into rings."""
Array = NDArray[np.float64]


class StageSpectrum(NamedTuple):
    """The spectrum of one map of features.

    Attributes:
        shares: `(STAGE_RINGS,)`, of the power within the rings; a mean over the channels that vary.
        counts: frequencies of every ring.
        highest: that the map shows, in cycles per pixel of the image.
    """

    shares: Array
    counts: Array
    highest: float

    def middles(self) -> Array:
        """Return the middle of every ring in cycles per pixel of the image."""
        edges = np.linspace(0, self.highest, STAGE_RINGS + 1)
        return (edges[:-1] + edges[1:]) / 2


def spectrum_of(maps: NDArray[np.floating], sides: tuple[int, int]) -> StageSpectrum | None:
    """Return the spectrum of a map of features under a Hann window; None where it is too small, or even.

    Args:
        maps: `(C, h, w)`.
        sides: of the image that it was made of.
    """
    height, width = maps.shape[1:]
    if min(height, width) < FEWEST_SIDE:
        return None
    highest = 0.5 * min(height / sides[0], width / sides[1])
    rows = np.fft.fftfreq(height) * height / sides[0]
    columns = np.fft.fftfreq(width) * width / sides[1]
    edges = np.linspace(0, highest, STAGE_RINGS + 1)
    # The first edge takes the mean in, which is none after centring; the highest frequency is in the last ring.
    rings = np.digitize(np.hypot(rows[:, None], columns[None, :]), edges[1:], right=True)
    window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    values = maps.astype(np.float64)
    means = (values * window).sum(axis=(1, 2), keepdims=True) / window.sum()
    power = np.abs(np.fft.fft2((values - means) * window)) ** 2
    sums = np.stack([power[:, rings == ring].sum(axis=1) for ring in range(STAGE_RINGS)], axis=1)
    whole = sums.sum(axis=1)
    varying = whole > np.finfo(np.float32).eps * (values**2).sum(axis=(1, 2))
    if not varying.any():
        return None
    counts = np.array([(rings == ring).sum() for ring in range(STAGE_RINGS)], dtype=np.float64)
    return StageSpectrum((sums[varying] / whole[varying, None]).mean(axis=0), counts, float(highest))
