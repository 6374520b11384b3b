from __future__ import annotations

import math

import numpy as np
import pytest

from refusals import refusal
from transmodal.errors import InputError, UsageError
from transmodal.metrics.pair import ImagePair
from transmodal.metrics.suite.voxels import METRICS, mae, mse, nmse, psnr

REFERENCE = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
SYNTHETIC = np.array([[1.0, 1.0, 2.0], [3.0, 1.0, 5.0]])
MASK = np.array([[True, True, False], [False, True, False]])


def test_figures_by_hand() -> None:
    assert mae(REFERENCE, SYNTHETIC) == pytest.approx(4 / 6)
    assert mse(REFERENCE, SYNTHETIC) == pytest.approx(10 / 6)
    assert psnr(REFERENCE, SYNTHETIC, data_range=5) == pytest.approx(10 * math.log10(25 / (10 / 6)))


def test_figures_inside_a_mask_by_hand() -> None:
    assert mae(REFERENCE, SYNTHETIC, mask=MASK) == pytest.approx(4 / 3)
    assert mse(REFERENCE, SYNTHETIC, mask=MASK) == pytest.approx(10 / 3)
    assert psnr(REFERENCE, SYNTHETIC, data_range=5, mask=MASK) == pytest.approx(10 * math.log10(7.5))


def test_voxels_outside_the_mask_do_not_count() -> None:
    far_off = np.where(MASK, SYNTHETIC, 1e6)
    assert mae(REFERENCE, far_off, mask=MASK) == mae(REFERENCE, SYNTHETIC, mask=MASK)


def test_small_integers_do_not_wrap_around() -> None:
    black, white = np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8)
    assert mae(black, white) == 255
    assert mse(np.full((2, 2), -30000, np.int16), np.full((2, 2), 30000, np.int16)) == 3.6e9


def test_colour_counts_each_channel_inside_a_spatial_mask() -> None:
    reference = np.zeros((2, 1, 1, 3), np.uint8)
    synthetic = reference.copy()
    synthetic[0, 0, 0] = (3, 6, 9)
    synthetic[1, 0, 0] = (90, 90, 90)
    mask = np.array([True, False]).reshape(2, 1, 1)
    assert mae(reference, synthetic, mask=mask) == pytest.approx(6)


def test_identical_images_have_infinite_psnr() -> None:
    assert psnr(REFERENCE, REFERENCE.copy(), data_range=1) == math.inf


def test_constant_images_are_defined() -> None:
    assert psnr(np.zeros((3, 3)), np.full((3, 3), 0.1), data_range=1) == pytest.approx(20)


@pytest.mark.parametrize("data_range", [0.0, -1.0, math.nan, math.inf])
def test_a_data_range_that_is_no_width_is_refused(data_range: float) -> None:
    with pytest.raises(UsageError, match="data range") as caught:
        psnr(REFERENCE, SYNTHETIC, data_range=data_range)
    assert caught.value.code == "E001"


def test_an_empty_mask_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        mae(REFERENCE, SYNTHETIC, mask=np.zeros_like(MASK))
    assert caught.value.code == "E124"


def test_an_empty_image_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        mae(np.zeros((0, 3)), np.zeros((0, 3)))
    assert caught.value.code == "E124"


def test_other_shapes_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(2, 3\).*\(3, 2\)") as caught:
        mse(REFERENCE, SYNTHETIC.T)
    assert caught.value.code == "E130"


def test_a_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(InputError, match="mask of shape") as caught:
        mse(REFERENCE, SYNTHETIC, mask=MASK.T)
    assert caught.value.code == "E130"


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_values_that_are_not_finite_are_counted_and_refused(bad: float) -> None:
    broken = SYNTHETIC.copy()
    broken[1, 1:] = bad
    with pytest.raises(InputError, match="2 of 6 values") as caught:
        mae(REFERENCE, broken)
    assert caught.value.code == "E120"


def test_nmse_by_hand() -> None:
    assert nmse(REFERENCE, SYNTHETIC) == pytest.approx(10 / 55)
    assert nmse(REFERENCE, SYNTHETIC, mask=MASK) == pytest.approx(10 / 17)
    assert nmse(7 * REFERENCE, 7 * SYNTHETIC) == pytest.approx(10 / 55)
    assert nmse(REFERENCE, REFERENCE.copy()) == 0


def test_nmse_of_a_reference_without_values_is_refused() -> None:
    with pytest.raises(InputError, match="0 at every voxel") as caught:
        nmse(np.zeros((2, 3)), SYNTHETIC)
    assert caught.value.code == "E124"


def test_a_reference_of_nothing_but_0_is_refused_in_words() -> None:
    assert refusal(lambda: nmse(np.zeros((2, 2)), np.ones((2, 2)))) == (
        "error[E124]: a reference that is 0 at every voxel; expected a reference with values. "
        "Give another mask, or take mse."
    )
    assert nmse(REFERENCE, SYNTHETIC, mask=MASK) == pytest.approx(10 / 17)
    for measure in (mae, mse, nmse):
        assert "one shape" in refusal(lambda measure=measure: measure(REFERENCE, SYNTHETIC[1:]))  # type: ignore[misc]


def test_what_tables_say_of_the_metrics() -> None:
    """Names, units and directions stand in evaluations that were written before."""
    shown = [
        (
            metric.name,
            metric.unit,
            metric.best,
            metric.definition,
            metric.has_range,
            metric.decimals,
            metric.dims,
        )
        for metric in METRICS
    ]
    assert shown == [
        ("mae", "{unit}", "lower", "", False, None, (3,)),
        ("mse", "({unit})^2", "lower", "", False, None, (3,)),
        ("nmse", "1", "lower", "by the reference's energy", True, None, (3,)),
        ("psnr", "dB", "higher", "", True, 2, (3,)),
    ]
    assert METRICS[3].no_value == "the images are identical: PSNR is infinite"


def test_the_metrics_measure_a_pair_by_its_mask_and_range() -> None:
    reference, synthetic, mask = (array[..., np.newaxis] for array in (REFERENCE, SYNTHETIC, MASK))
    pair = ImagePair(reference, synthetic, 5.0, "1", (1, 1, 1), mask=mask)
    figures = {metric.name: metric.in_3d(pair) for metric in METRICS if metric.in_3d}
    assert figures == pytest.approx(
        {"mae": 4 / 3, "mse": 10 / 3, "nmse": 10 / 17, "psnr": 10 * math.log10(7.5)}
    )


@pytest.mark.parametrize("orders", ["CC", "FF", "CF"])
@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_volumes_of_several_blocks_are_compared_voxel_by_voxel_in_any_order(
    orders: str, dtype: type[np.generic]
) -> None:
    draw = np.random.default_rng(0)
    x, y = (draw.normal(0, 500, (41, 43, 47)).astype(dtype) for _ in range(2))
    difference = x.astype(np.float64) - y
    laid = [np.asarray(volume, order=order) for volume, order in zip((x, y), orders, strict=True)]
    assert mae(*laid) == pytest.approx(np.abs(difference).mean(), rel=1e-12)
    assert mse(*laid) == pytest.approx((difference**2).mean(), rel=1e-12)
    mask = difference > 0
    assert mae(*laid, mask=mask) == pytest.approx(difference[mask].mean(), rel=1e-12)


def test_a_value_that_is_not_finite_is_refused_outside_the_mask_as_well() -> None:
    broken = SYNTHETIC.copy()
    broken[0, 0] = math.nan
    mask = np.ones(REFERENCE.shape, bool)
    mask[0, 0] = False
    with pytest.raises(InputError, match="1 of 6 values"):
        mae(REFERENCE, broken, mask=mask)
