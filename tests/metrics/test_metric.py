from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from transmodal.metrics.metric import Metric, over_planes, over_voxels
from transmodal.metrics.pair import ImagePair
from transmodal.metrics.suite.ssim import ssim
from transmodal.metrics.suite.voxels import mae

DRAW = np.random.default_rng(0)
PAIR = ImagePair(*DRAW.random((2, 14, 15, 3)), 1.0, "FA", (1.0, 1.0, 1.0))


def test_dimensions_follow_from_the_functions() -> None:
    metric = Metric("mine", "1", "lower", over_voxels(mae), over_planes(ssim))
    assert metric.dims == (3, 2)
    assert replace(metric, in_2d=None).dims == (3,)
    assert Metric("lpips", "1", "lower", learned="slices").dims == (2,)
    assert Metric("dice", "1", "higher", learned="volume").dims == (3,)
    assert Metric("fid", "1", "lower", learned="split").dims == ()


def test_a_metric_takes_its_kind_of_volumes() -> None:
    metric = Metric("mine", "1", "zero", over_voxels(mae), kind="grey")
    assert metric.takes("grey")
    assert not metric.takes("colour")
    assert not metric.is_ranked
    assert replace(metric, kind="any", best="lower").takes("colour")


def test_voxels_are_measured_inside_the_mask() -> None:
    mask = DRAW.random(PAIR.shape) > 0.5
    assert over_voxels(mae)(replace(PAIR, mask=mask)) == mae(PAIR.reference, PAIR.synthetic, mask=mask)


def test_slices_are_measured_above_the_background_and_averaged() -> None:
    shifted = replace(PAIR, reference=PAIR.reference - 2, synthetic=PAIR.synthetic - 2, background=-2)
    planes = [ssim(PAIR.reference[..., k], PAIR.synthetic[..., k], data_range=1) for k in range(3)]
    assert over_planes(ssim)(shifted).mean == pytest.approx(np.mean(planes))
