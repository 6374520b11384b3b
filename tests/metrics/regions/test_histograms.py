"""Curves of dose-volume histograms: their ends, their fall, and the figures that are read off them."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.errors import InputError
from transmodal.metrics.regions.dose import dvh
from transmodal.metrics.regions.histograms import dvh_curve

DOSE = np.random.default_rng(4).uniform(2, 60, (6, 7, 8)).astype(np.float32)
INSIDE = DOSE > 20


def test_a_curve_falls_from_the_whole_volume_to_none() -> None:
    doses = np.linspace(0, 61, 50)
    shares = dvh_curve(DOSE, INSIDE, doses)
    assert (shares[0], shares[-1]) == (100, 0)
    assert (np.diff(shares) <= 0).all()
    figures = dvh(DOSE, INSIDE, at_least_gy=doses.tolist())
    np.testing.assert_allclose(shares, list(figures.at_least_percent.values()))


def test_a_dose_that_is_reached_counts() -> None:
    dose = np.array([1.0, 2.0, 2.0, 4.0]).reshape(1, 2, 2)
    np.testing.assert_array_equal(dvh_curve(dose, dose > 0, np.array([1, 2, 3, 4.0])), [100, 75, 25, 25])


def test_an_empty_structure_is_refused() -> None:
    with pytest.raises(InputError) as refused:
        dvh_curve(DOSE, DOSE > 99, np.zeros(1))
    assert refused.value.code == "E124"
