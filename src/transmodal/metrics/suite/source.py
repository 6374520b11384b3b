"""Structure of a synthetic colour volume against its grey source, which shows the anatomy that colour has to keep.

The target's grey has a contrast of its own; these metrics hold the grey of the synthetic volume against the source,
both in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from transmodal.errors import UsageError
from transmodal.metrics.checks import Array, Mask
from transmodal.metrics.metric import In2D, Metric
from transmodal.metrics.pair import ImagePair, mean_of_channels
from transmodal.metrics.slices import SliceMean, over_slices
from transmodal.metrics.suite import fsim, ms_ssim, ssim, stsim

_SOURCE = "against the source, scaled to 0 to 1 by the cohort's intensity map; grey is the mean of the three channels, by white"


def _against_source(function: Callable[..., float]) -> In2D:
    """Return how a metric of grey images compares the source with the synthetic volume's grey, slice by slice.

    Raises:
        UsageError: E004 without a source.
    """

    def measure(pair: ImagePair) -> SliceMean:
        if pair.source is None:
            raise UsageError("E004", "no source", "the grey source of the synthetic volume", "Give it.")

        def measure_slice(source: Array, grey: Array, mask: Mask | None) -> float:
            return function(source, grey / pair.data_range, data_range=1.0, mask=mask)

        source, grey = np.asarray(pair.source, np.float64), mean_of_channels(pair.synthetic)
        return over_slices(measure_slice, source, grey, axis=pair.axis, mask=pair.mask)

    return measure


def _metric(name: str, definition: str, function: Callable[..., float], smallest: int = 1) -> Metric:
    return Metric(
        f"{name}_source",
        "1",
        "higher",
        in_2d=_against_source(function),
        definition=f"{definition}; {_SOURCE}",
        kind="colour",
        needs="source",
        smallest=smallest,
    )


METRICS = (
    _metric("ssim", ssim.DEFINITION, ssim.ssim),
    _metric("ms_ssim", ms_ssim.DEFINITION, ms_ssim.ms_ssim),
    _metric("stsim1", stsim.DEFINITION_1, stsim.stsim1, stsim.SMALLEST),
    _metric("stsim2", stsim.DEFINITION_2, stsim.stsim2, stsim.SMALLEST),
    _metric("fsim", fsim.DEFINITION, fsim.fsim, fsim.SMALLEST),
)
