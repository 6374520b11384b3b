from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.metrics.measure import measure
from transmodal.metrics.pair import ImagePair, mean_of_channels
from transmodal.metrics.slices import over_slices
from transmodal.metrics.suite import fsim, ms_ssim, ssim, stsim


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("ssim_source", ssim.ssim),
        ("ms_ssim_source", ms_ssim.ms_ssim),
        ("stsim1_source", stsim.stsim1),
        ("stsim2_source", stsim.stsim2),
        ("fsim_source", fsim.fsim),
    ],
)
def test_structure_against_the_source(
    name: str, function: Callable[..., float], colour_pair: ImagePair
) -> None:
    def metric(x: NDArray[np.float64], y: NDArray[np.float64], part: NDArray[np.bool_] | None) -> float:
        return function(x, y, data_range=1.0, mask=part)

    (figure,) = measure(colour_pair, [name])
    source, grey = np.asarray(colour_pair.source, np.float64), mean_of_channels(colour_pair.synthetic)
    assert figure.value == over_slices(metric, source, grey / 255, axis=2).mean
    assert "data range 1 of both scales; " in figure.protocol.text()
    assert "against the source" in figure.protocol.text()
    same = replace(colour_pair, source=grey / 255)
    assert measure(same, [name])[0].value == pytest.approx(1)
    with pytest.raises(UsageError, match="no source"):
        measure(replace(colour_pair, source=None), [name])
    with pytest.raises(InputError, match=f"{name} of grey volumes"):
        measure(colour_pair.in_grey(), [name])
