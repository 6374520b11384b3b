from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.metrics.regions.dose import Criterion, dvh, gamma

MM = (1.0, 1.0, 1.0)
Dose = NDArray[np.float64]


def blob(shape: tuple[int, int, int] = (17, 15, 11), peak: float = 60.0) -> Dose:
    axes = np.meshgrid(*((np.arange(n) - (n - 1) / 2) / n for n in shape), indexing="ij")
    made: Dose = peak * np.exp(-6 * sum(axis**2 for axis in axes))
    return made


def test_a_dose_agrees_with_itself() -> None:
    found = gamma(blob(), blob(), (2.0, 2.5, 3.0))
    assert found.pass_percent == 100
    assert found.mean == 0
    assert np.nanmax(found.values) == 0


@pytest.mark.parametrize("factor", [1.01, 0.99])
def test_where_nothing_changes_over_space_gamma_is_the_difference(factor: float) -> None:
    even = np.full((6, 7, 5), 50.0)
    found = gamma(even, factor * even, MM, Criterion(2, 2))
    assert np.unique(found.values) == pytest.approx([0.5])
    assert gamma(even, 1.02 * even, MM, Criterion(2, 2)).pass_percent == 100  # the tolerance itself passes
    assert gamma(even, 1.03 * even, MM, Criterion(2, 2)).pass_percent == 0


@pytest.mark.parametrize("shift_mm", [0.5, 1.0, 2.5])
def test_on_a_ramp_gamma_is_known(shift_mm: float) -> None:
    # Low et al.: with slope s the least of (u / dta)^2 + (s (d - u) / tolerance)^2 is (s d)^2 / (tolerance^2 + (s dta)^2).
    slope, spacing, n = 2.0, 1.0, 41
    ramp = np.broadcast_to((slope * spacing * np.arange(n))[:, None, None], (n, 3, 3)).copy()
    tolerance, dta = 0.03 * 80.0, 3.0
    rule = Criterion(3, 3, cutoff_percent=0, normalisation_gy=80.0, limit=1.2, steps=20)
    found = gamma(ramp, ramp + slope * shift_mm, (spacing, 5, 5), rule)
    expected = slope * shift_mm / math.hypot(tolerance, slope * dta)
    assert found.values[8:-8, 1, 1] == pytest.approx(expected, abs=8e-3)


def test_a_step_that_moved_passes_up_to_the_distance() -> None:
    step = np.zeros((30, 5, 5))
    step[12:] = 60.0
    for voxels, passes in ((2, True), (3, False)):
        moved = np.roll(step, voxels, axis=0)
        moved[:voxels] = 0
        found = gamma(step, moved, MM, Criterion(1, 2))
        assert (found.pass_percent == 100) is passes
    # The plane that is 3 mm off finds 60 Gy at 3 mm, or 59.4 Gy, which is tolerated, a hundredth of a voxel before.
    assert found.values[12, 2, 2] == pytest.approx(1.5, abs=0.06)


def test_the_search_ends_at_the_limit() -> None:
    cold = np.full((5, 5, 5), 1.0)
    found = gamma(np.full((5, 5, 5), 50.0), cold, MM, Criterion(2, 2, limit=1.5))
    assert np.unique(found.values) == pytest.approx([1.5])


def test_points_below_the_cut_off_and_outside_the_mask_do_not_count() -> None:
    dose = blob()
    high = dose >= 0.5 * dose.max()
    found = gamma(dose, dose, MM, Criterion(cutoff_percent=50))
    assert found.n_points == high.sum()
    assert np.array_equal(np.isfinite(found.values), high)
    mask = np.zeros(dose.shape, bool)
    mask[5:9] = True
    ruined = np.where(mask, dose, dose * 1.5)
    far_inside = np.zeros(dose.shape, bool)
    far_inside[7, 6:8, 5] = True
    narrow = Criterion(2, 0.5)
    assert gamma(dose, ruined, MM, narrow, mask=mask & high).n_points == (mask & high).sum()
    assert gamma(dose, ruined, MM, narrow, mask=far_inside).mean == 0


def test_local_is_stricter_where_the_dose_is_low() -> None:
    reference = np.full((4, 4, 8), 60.0)
    reference[..., 4:] = 20.0
    evaluated = reference + 0.9
    rule = Criterion(2, 0.1)
    overall = gamma(reference, evaluated, (9, 9, 9), rule)
    local = gamma(reference, evaluated, (9, 9, 9), Criterion(2, 0.1, normalisation="local"))
    assert overall.pass_percent == 100
    assert local.pass_percent == 50
    assert local.values[0, 0, 7] == pytest.approx(2.0)  # 0.9 of 0.4 Gy, ended at the limit
    assert local.values[0, 0, 0] == pytest.approx(0.9 / 1.2, abs=1e-6)


def test_the_prescription_may_be_the_norm() -> None:
    dose = blob()
    found = gamma(dose, dose * 1.01, MM, Criterion(normalisation_gy=70.0))
    assert found.normalisation_gy == 70.0
    assert gamma(dose, dose, MM).normalisation_gy == dose.max()


def test_more_error_never_agrees_better() -> None:
    dose, rng = blob(), np.random.default_rng(4)
    noise = rng.normal(size=dose.shape)
    means = [gamma(dose, dose + size * noise, MM).mean for size in (0.0, 0.5, 1.5, 4.0)]
    rates = [gamma(dose, dose + size * noise, MM).pass_percent for size in (0.0, 0.5, 1.5, 4.0)]
    assert means == sorted(means)
    assert rates == sorted(rates, reverse=True)
    assert means[-1] > means[0]


def test_single_slices_and_single_voxels_have_a_gamma() -> None:
    flat = blob((9, 9, 1))
    assert gamma(flat, flat * 1.01, MM).n_points > 0
    point = np.full((1, 1, 1), 3.0)
    assert gamma(point, point, MM).pass_percent == 100


@pytest.mark.parametrize(
    ("reference", "evaluated", "spacing", "code"),
    [
        (np.ones((3, 3, 3)), np.ones((3, 3, 4)), MM, "E130"),
        (np.ones((3, 3)), np.ones((3, 3)), MM, "E121"),
        (np.full((3, 3, 3), np.nan), np.ones((3, 3, 3)), MM, "E120"),
        (np.zeros((3, 3, 3)), np.ones((3, 3, 3)), MM, "E124"),
        (np.ones((3, 3, 3)), np.ones((3, 3, 3)), (1, 0, 1), "E001"),
    ],
)
def test_refusals(reference: Dose, evaluated: Dose, spacing: tuple[float, float, float], code: str) -> None:
    with pytest.raises((InputError, UsageError)) as refused:
        gamma(reference, evaluated, spacing)
    assert refused.value.code == code


def test_nothing_above_the_cut_off_is_refused() -> None:
    with pytest.raises(InputError, match="no point with 10 % of 100 Gy") as refused:
        gamma(np.ones((3, 3, 3)), np.ones((3, 3, 3)), MM, Criterion(normalisation_gy=100.0))
    assert refused.value.code == "E124"


@pytest.mark.parametrize(
    "settings",
    [
        {"dose_percent": 0},
        {"distance_mm": -1},
        {"cutoff_percent": 100},
        {"limit": 0.5},
        {"steps": 0},
        {"normalisation": "local", "cutoff_percent": 0},
        {"normalisation_gy": -5.0},
    ],
)
def test_criteria_that_are_none(settings: dict[str, float]) -> None:
    with pytest.raises(UsageError) as refused:
        Criterion(**settings)  # type: ignore[arg-type]
    assert refused.value.code == "E001"


def test_a_histogram_by_hand() -> None:
    dose = np.arange(101, dtype=np.float64).reshape(101, 1, 1)  # 0 to 100 Gy, one voxel each
    figures = dvh(dose, np.ones(dose.shape, bool), at_least_gy=(20, 100))
    assert (figures.n, figures.mean_gy) == (101, 50)
    assert (figures.d98_gy, figures.d95_gy, figures.d2_gy) == pytest.approx((2, 5, 98))
    assert figures.at_least_percent == pytest.approx({20.0: 100 * 81 / 101, 100.0: 100 / 101})


def test_a_histogram_is_of_its_structure_alone() -> None:
    dose, inside = blob(), np.zeros((17, 15, 11), bool)
    inside[6:9, 6:9, 4:6] = True
    assert dvh(np.where(inside, dose, 1e6), inside) == dvh(dose, inside)
    even = dvh(np.full(dose.shape, 7.0), inside)
    assert (even.d98_gy, even.d95_gy, even.d2_gy, even.mean_gy) == pytest.approx((7, 7, 7, 7))
    with pytest.raises(InputError) as empty:
        dvh(dose, inside & False)
    assert empty.value.code == "E124"
