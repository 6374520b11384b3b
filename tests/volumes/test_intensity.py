from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import DTypeLike

from refusals import refusal
from transmodal.errors import InputError, UsageError
from transmodal.modalities import modality_of
from transmodal.volumes.intensity import (
    IntensityMap,
    IntensitySpec,
    Method,
    Range,
    cohort_map,
    fit,
)

CT = modality_of("ct").intensity
PERCENTILE = IntensitySpec("percentile", 0.5, 99.5)
ZSCORE = IntensitySpec("zscore")
MINMAX = IntensitySpec("minmax")


def image() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(0).gamma(3.0, 120.0, size=(7, 9, 5)).astype(np.float32)


def test_ct_integers_come_back_exactly() -> None:
    hu = np.arange(-1024, 3001).reshape(5, 5, 161).astype(np.int16)
    fitted = fit(CT, hu)
    mapped = fitted.apply(hu)
    assert mapped.dtype == np.float32
    assert mapped.min() == -1
    assert 1 - 1e-6 < mapped.max() <= 1
    back = fitted.invert(mapped)
    assert np.abs(back - hu).max() < 1e-3
    np.testing.assert_array_equal(np.rint(back), hu)


def test_ct_is_clipped_to_its_window_both_ways() -> None:
    fitted = fit(CT, np.zeros((1, 1, 1)))
    np.testing.assert_allclose(fitted.apply(np.array([-3000, 8000], np.int16)), [-1, 1], atol=1e-6)
    np.testing.assert_array_equal(fitted.invert(np.array([-1.2, 1.2])), [-1024, 3000])


def test_modalities_with_a_unit_have_a_window_and_others_percentiles() -> None:
    assert (CT.method, CT.low, CT.high) == ("window", -1024, 3000)
    assert modality_of("fa").intensity == IntensitySpec("window", 0, 1)
    assert modality_of("colour").intensity == IntensitySpec("window", 0, 255)
    assert modality_of("flair").intensity == PERCENTILE


@pytest.mark.parametrize(("range_", "ends"), [("signed", (-1, 1)), ("unit", (0, 1)), ("free", (-1, 1))])
@pytest.mark.parametrize("spec", [PERCENTILE, MINMAX, IntensitySpec("window", 100, 700)])
def test_ranges(spec: IntensitySpec, range_: Range, ends: tuple[float, float]) -> None:
    values = image()
    fitted = fit(spec, values, range=range_)
    mapped = fitted.apply(values)
    assert mapped.min() == ends[0]
    assert ends[1] - 1e-6 < mapped.max() <= ends[1]
    assert fitted.range == range_
    inside = np.clip(values, fitted.low, fitted.high)
    np.testing.assert_allclose(fitted.invert(mapped), inside, atol=1e-3)


def test_free_maps_are_not_clipped_when_inverted() -> None:
    fitted = fit(IntensitySpec("window", 0, 100), image(), range="free")
    np.testing.assert_allclose(fitted.invert(np.array([-2.0, 3.0])), [-50, 200], atol=1e-4)
    bounded = fit(IntensitySpec("window", 0, 100), image(), range="unit")
    np.testing.assert_allclose(bounded.invert(np.array([-2.0, 3.0])), [0, 100])


@pytest.mark.parametrize("range_", ["signed", "unit", "free"])
def test_zscore_is_free_whatever_is_asked(range_: Range) -> None:
    values = image()
    fitted = fit(ZSCORE, values, range=range_)
    assert fitted.range == "free"
    mapped = fitted.apply(values)
    assert mapped.mean() == pytest.approx(0, abs=1e-5)
    assert mapped.std() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(fitted.invert(mapped), values, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("spec", [PERCENTILE, MINMAX, ZSCORE])
def test_only_the_mask_is_looked_at(spec: IntensitySpec) -> None:
    values = image()
    mask = np.zeros(values.shape, bool)
    mask[2:5, 1:8] = True
    spoiled = np.where(mask, values, -1e5)
    assert fit(spec, spoiled, mask) == fit(spec, values[2:5, 1:8])
    assert fit(spec, spoiled, mask) != fit(spec, spoiled)
    assert fit(spec, spoiled, mask.astype(np.uint8)) == fit(spec, spoiled, mask)


def test_percentiles_are_percentiles() -> None:
    fitted = fit(IntensitySpec("percentile", 10, 80), np.arange(101.0).reshape(101, 1, 1))
    assert (fitted.low, fitted.high) == pytest.approx((10, 80))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_every_type_maps_alike(dtype: DTypeLike) -> None:
    values = np.arange(60).reshape(3, 4, 5)
    expected = fit(MINMAX, values.astype(float)).apply(values.astype(float))
    np.testing.assert_array_equal(fit(MINMAX, values.astype(dtype)).apply(values.astype(dtype)), expected)


def test_colour_keeps_its_three_channels() -> None:
    colour = np.random.default_rng(1).integers(0, 256, (4, 3, 5, 3)).astype(np.uint8)
    fitted = fit(modality_of("colour").intensity, colour)
    assert fitted.apply(colour).shape == colour.shape
    np.testing.assert_array_equal(np.rint(fitted.invert(fitted.apply(colour))), colour)
    mask = colour[..., 0] > 100
    assert fit(MINMAX, colour, mask).high == colour[mask].max()


@pytest.mark.parametrize("spec", [PERCENTILE, MINMAX])
@pytest.mark.parametrize("value", [0.0, -7.0, 1e-20, 3e8, -1e20, 0.1])
@pytest.mark.parametrize("shape", [(1, 1, 1), (4, 3, 2)])
def test_a_constant_goes_to_the_low_end_and_comes_back(
    spec: IntensitySpec, value: float, shape: tuple[int, ...]
) -> None:
    values = np.full(shape, value, np.float32)
    for range_, low in (("signed", -1.0), ("unit", 0.0)):
        fitted = fit(spec, values, range="unit" if range_ == "unit" else "signed")
        np.testing.assert_array_equal(fitted.apply(values), low)
        np.testing.assert_array_equal(fitted.invert(np.full(shape, low)), values)


@pytest.mark.parametrize("value", [0.0, 5.0, 0.1, 1e7])
def test_the_zscore_of_a_constant_is_zero(value: float) -> None:
    values = np.full((3, 3, 3), value, np.float32)
    fitted = fit(ZSCORE, values)
    np.testing.assert_array_equal(fitted.apply(values), 0)
    np.testing.assert_array_equal(fitted.invert(np.zeros(1)), values[0, 0, :1])


@pytest.mark.parametrize("spec", [MINMAX, ZSCORE])
def test_what_float32_cannot_tell_apart_is_constant(spec: IntensitySpec) -> None:
    values = np.array([250.0, 250.0 + 1e-5]).reshape(2, 1, 1)
    assert fit(spec, values).scale <= 2
    assert fit(spec, np.array([250.0, 250.01]).reshape(2, 1, 1)).scale > 100


def test_a_narrow_window_far_from_zero_keeps_its_digits() -> None:
    values = np.linspace(1e5, 1e5 + 10, 21).astype(np.float32).reshape(3, 7, 1)
    fitted = fit(MINMAX, values)
    expected = (values.astype(float) - 1e5) / 5 - 1
    np.testing.assert_allclose(fitted.apply(values), expected, atol=1e-6)
    np.testing.assert_allclose(fitted.invert(fitted.apply(values)), values, rtol=1e-7)


@pytest.mark.parametrize("spec", [PERCENTILE, MINMAX, ZSCORE])
def test_an_empty_mask_is_refused(spec: IntensitySpec) -> None:
    with pytest.raises(InputError, match="no voxel inside the mask") as caught:
        fit(spec, image(), np.zeros(image().shape, bool))
    assert caught.value.code == "E124"


def test_a_window_needs_no_voxels() -> None:
    assert fit(CT, image(), np.zeros(image().shape, bool)) == fit(CT, image())


@pytest.mark.parametrize("spec", [PERCENTILE, MINMAX, ZSCORE])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_that_are_not_finite_are_refused_inside_the_mask_only(
    spec: IntensitySpec, value: float
) -> None:
    values = image()
    values[0, 0, 0] = values[0, 0, 1] = value
    with pytest.raises(InputError, match="2 voxels that are not finite") as caught:
        fit(spec, values)
    assert caught.value.code == "E120"
    mask = np.ones(values.shape, bool)
    mask[0, 0] = False
    assert fit(spec, values, mask) == fit(spec, image(), mask)


def test_a_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(InputError, match=r"mask of shape \(7, 9, 4\)") as caught:
        fit(MINMAX, image(), np.ones((7, 9, 4), bool))
    assert caught.value.code == "E130"


@pytest.mark.parametrize(
    ("method", "low", "high"),
    [
        ("window", 5, 5),
        ("window", 5, float("nan")),
        ("window", float("-inf"), 0),
        ("percentile", -1, 99),
        ("percentile", 1, 101),
        ("percentile", 99, 1),
        ("nyul", 0, 1),
    ],
)
def test_a_spec_has_to_be_an_interval(method: Method, low: float, high: float) -> None:
    with pytest.raises(UsageError, match="low below high") as caught:
        IntensitySpec(method, low, high)
    assert caught.value.code == "E001"


@pytest.mark.parametrize("spec", [CT, PERCENTILE, MINMAX, ZSCORE])
def test_maps_travel_through_json_bit_by_bit(spec: IntensitySpec) -> None:
    fitted = fit(spec, image() / 3)
    assert IntensityMap.from_json(json.loads(json.dumps(fitted.to_json(), allow_nan=False))) == fitted


@pytest.mark.parametrize(
    "change",
    [
        {"scale": 0},
        {"scale": float("nan")},
        {"offset": float("inf")},
        {"offset": "much"},
        {"low": float("nan")},
        {"range": "wide"},
        {"method": "nyul"},
        {"spec_high": -2000},
        {"high": []},
    ],
)
def test_bad_maps_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(InputError, match="intensity map") as caught:
        IntensityMap.from_json(fit(CT, image()).to_json() | change)
    assert caught.value.code == "E103"


def test_a_map_without_one_of_its_numbers_is_refused() -> None:
    data = fit(CT, image()).to_json()
    for key in data:
        with pytest.raises(InputError, match="intensity map"):
            IntensityMap.from_json({other: data[other] for other in data if other != key})


def test_the_reference_of_windows_is_the_window() -> None:
    maps = [fit(CT, image()), fit(CT, image() + 5)]
    assert cohort_map(maps) == maps[0]


def test_the_reference_takes_median_ends() -> None:
    maps = [fit(MINMAX, np.array([low, high]).reshape(2, 1, 1)) for low, high in ((0, 9), (1, 5), (4, 99))]
    median = cohort_map(maps)
    assert (median.low, median.high) == (1, 9)
    np.testing.assert_allclose(median.apply(np.array([1, 9])), [-1, 1])


def test_the_reference_of_zscores_takes_median_mean_and_deviation() -> None:
    maps = [
        fit(ZSCORE, np.array([mean - width, mean + width]).reshape(2, 1, 1))
        for mean, width in ((10, 1), (30, 2), (100, 9))
    ]
    np.testing.assert_allclose(cohort_map(maps).invert(np.array([0.0, 1.0])), [30, 32], rtol=1e-6)


def test_there_is_no_reference_of_nothing_or_of_different_maps() -> None:
    with pytest.raises(InputError, match="no training case"):
        cohort_map([])
    with pytest.raises(UsageError, match="different ways"):
        cohort_map([fit(CT, image()), fit(MINMAX, image())])
    with pytest.raises(UsageError, match="different ways"):
        cohort_map([fit(CT, image()), fit(CT, image(), range="unit")])


def test_what_is_mapped_stays_untouched(tmp_path: Path) -> None:
    values = image()
    np.save(tmp_path / "voxels.npy", values)
    mapped_file = np.load(tmp_path / "voxels.npy", mmap_mode="r")
    fitted = fit(MINMAX, mapped_file)
    mapped = fitted.apply(mapped_file)
    assert type(mapped) is np.ndarray
    before = mapped.copy()
    assert type(fitted.invert(mapped)) is np.ndarray
    np.testing.assert_array_equal(mapped, before)
    np.testing.assert_array_equal(mapped_file, values)


@pytest.mark.parametrize("span", [1 << 15, (1 << 16) - 1, 1 << 16, (1 << 16) + 1])
def test_percentiles_of_wide_integers(span: int) -> None:
    """Up to a range of 16 bits values are counted, beyond it they are put in order."""
    voxels = (
        np.random.default_rng(span).integers(-70, span - 70, (40, 30, 20), endpoint=True).astype(np.int32)
    )
    voxels[0, 0, :2] = -70, span - 70
    mask = np.random.default_rng(1).random(voxels.shape) > 0.4
    fitted = fit(PERCENTILE, voxels, mask)
    wanted = np.percentile(voxels[mask].astype(np.float64), [0.5, 99.5])
    assert (fitted.low, fitted.high) == tuple(wanted)


REPAIR = "Repair the image, or read it with non-finite voxels set to zero."


def test_a_refusal_says_what_is_wrong_with_the_voxels_and_what_to_do() -> None:
    values = image()
    assert refusal(lambda: fit(MINMAX, values, np.zeros(values.shape, bool))) == (
        "error[E124]: no voxel inside the mask; expected a mask with voxels. Check the mask."
    )
    assert refusal(lambda: fit(MINMAX, values, np.ones((7, 9, 4), bool))) == (
        "error[E130]: a mask of shape (7, 9, 4) for voxels of shape (7, 9, 5); expected a mask on the volume's grid. "
        "Resample the mask onto the volume's grid first."
    )
    values[:3, 0, 0] = np.inf
    assert refusal(lambda: fit(MINMAX, values)) == (
        f"error[E120]: 3 voxels that are not finite; expected finite voxels inside the mask. {REPAIR}"
    )
    assert refusal(lambda: IntensitySpec("window", 5, 4.5)) == (
        "error[E001]: intensity window from 5 to 4.5; expected window, percentile (0 to 100), minmax or zscore, "
        "with low below high. Correct the intensity setting."
    )


def test_a_refusal_of_maps_says_what_is_wrong_with_them() -> None:
    data = fit(CT, image()).to_json()
    ending = "; expected a map that prepare wrote. Prepare again."
    bad_number = "error[E103]: an intensity map with a bad scale, offset, end or range"
    for change in (
        {"scale": 0},
        {"scale": float("inf")},
        {"offset": float("nan")},
        {"low": float("inf")},
        {"high": float("-inf")},
        {"range": "wide"},
    ):
        assert refusal(lambda change=change: IntensityMap.from_json(data | change)) == bad_number + ending  # type: ignore[misc]
    assert refusal(lambda: IntensityMap.from_json({})) == (
        f"error[E103]: an intensity map with a bad 'method'{ending}"
    )
    assert refusal(lambda: cohort_map([])) == (
        "error[E132]: no training case; expected one or more. Prepare a larger cohort."
    )
    assert refusal(lambda: cohort_map([fit(CT, image()), fit(MINMAX, image())])) == (
        "error[E004]: cases mapped in different ways; expected one way per modality. Prepare again."
    )


@pytest.mark.parametrize(
    ("method", "low", "high"),
    [
        ("percentile", 0, 100),
        ("percentile", 0.1, 0.2),
        ("window", -5, -4),
        ("minmax", 9, 1),
        ("zscore", 9, 1),
    ],
)
def test_ends_of_a_spec_are_looked_at_where_they_are_used(method: Method, low: float, high: float) -> None:
    assert (IntensitySpec(method, low, high).low, IntensitySpec(method, low, high).high) == (low, high)
    assert (IntensitySpec(method).low, IntensitySpec(method).high) == (0, 100)


def test_the_json_of_a_map_is_what_earlier_checkpoints_hold() -> None:
    spec = IntensitySpec("percentile", 10, 80)
    assert IntensityMap(spec, 0.5, -2.0, 1.0, 5.0, "unit").to_json() == {
        "method": "percentile",
        "spec_low": 10,
        "spec_high": 80,
        "scale": 0.5,
        "offset": -2.0,
        "low": 1.0,
        "high": 5.0,
        "range": "unit",
    }
    assert IntensityMap(spec, 0.5, -2.0, 1.0, 5.0).range == "signed"


def test_a_map_with_one_end_is_clipped_at_that_end_alone() -> None:
    values = np.array([-10.0, 0.0, 2.0, 10.0])
    lower = IntensityMap(MINMAX, 0.5, 1.0, 0.0, None, "unit")
    np.testing.assert_array_equal(lower.apply(values), [1, 1, 2, 6])
    np.testing.assert_array_equal(lower.invert(np.array([-3.0, 1.0, 6.0])), [0, 0, 10])
    upper = IntensityMap(MINMAX, 0.5, 1.0, None, 2.0, "unit")
    np.testing.assert_array_equal(upper.apply(values), [-4, 1, 2, 2])
    np.testing.assert_array_equal(upper.invert(np.array([-3.0, 1.0, 6.0])), [-8, 0, 2])
    for bounded in (lower, upper):
        assert IntensityMap.from_json(bounded.to_json()) == bounded


def test_values_are_anchored_at_the_low_end_and_not_at_0() -> None:
    """The low end comes out exactly, whatever scale and offset are rounded to."""
    for low, width in ((1e6, 3.0), (-7e5, 0.7), (0.1, 0.3)):
        fitted = fit(IntensitySpec("window", low, low + width), np.zeros((1, 1, 1)))
        assert fitted.apply(np.array([low, low + width], np.float64)).tolist()[0] == -1
        assert (fitted.scale, fitted.offset) == (2 / (low + width - low), -1 - low * fitted.scale)


@pytest.mark.parametrize(
    ("value", "width"),
    [(0.0, 1.0), (500.0, 1.0), (-5000.0, 5.0), (5000.0, 5.0), (1000.0, 1.0), (2000.0, 2.0)],
)
def test_a_constant_gets_a_width_of_1_or_a_thousandth(value: float, width: float) -> None:
    fitted = fit(MINMAX, np.full((2, 2, 2), value))
    assert (fitted.low, fitted.high) == (value, value + width)


def test_values_are_told_apart_from_a_ten_millionth_of_their_size_on() -> None:
    def widths(spec: IntensitySpec, width: float, size: float) -> float:
        return fit(spec, np.array([size - width, size]).reshape(2, 1, 1)).scale

    assert widths(MINMAX, 1.01e-4, 1000.0) == pytest.approx(2 / 1.01e-4, rel=1e-6)
    assert widths(MINMAX, 0.99e-4, 1000.0) == 2
    assert widths(MINMAX, 1.01e-4, 1.01e-4 - 1000.0) == pytest.approx(2 / 1.01e-4, rel=1e-6)
    assert widths(MINMAX, 1e-4, 1e-4 - 1001.0) == pytest.approx(2 / 1.001, rel=1e-3)
    assert widths(MINMAX, 1.1e-30, 1.1e-30) == pytest.approx(2 / 1.1e-30)
    assert widths(MINMAX, 1e-30, 1e-30) == 2
    assert widths(ZSCORE, 2.04e-4, 1000.0) == pytest.approx(1 / 1.02e-4, rel=1e-6)
    assert widths(ZSCORE, 1.9e-4, -1000.0) == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.uint32, np.int64, np.float32])
@pytest.mark.parametrize("size", [1, 2, 3, 10, 1001])
def test_percentiles_are_numpy_s_to_the_last_bit(dtype: DTypeLike, size: int) -> None:
    values = np.random.default_rng(size).integers(0, 120, (size, 1, 1)).astype(dtype)
    for ends in ((0.0, 100.0), (25.0, 50.0), (0.5, 99.5), (33.3, 66.6)):
        if np.ptp(np.percentile(values, ends)) > 1:
            fitted = fit(IntensitySpec("percentile", *ends), values)
            assert (fitted.low, fitted.high) == tuple(np.percentile(values.astype(float), ends))


def test_many_counted_values_are_counted_in_parts() -> None:
    voxels = (
        np.random.default_rng(0).integers(-5, 300, (80, 70, 50)).astype(np.int16)
    )  # more than are counted at once
    fitted = fit(IntensitySpec("percentile", 3, 97.5), voxels)
    assert (fitted.low, fitted.high) == tuple(np.percentile(voxels.astype(float), [3, 97.5]))


def test_voxels_are_not_reordered_where_they_lie() -> None:
    values = image()
    before = values.copy()
    fit(PERCENTILE, values)
    np.testing.assert_array_equal(values, before)
