from __future__ import annotations

import numpy as np
import pytest

from transmodal.errors import InputError, UsageError
from transmodal.metrics.regions.paths import StoppingPowerCurve, Vector, range_error

WATER = StoppingPowerCurve((-1000, 0, 1000), (0, 1, 1.5))
MM: Vector = (1.0, 1.0, 1.0)
BOX = np.zeros((9, 8, 7), bool)
BOX[2:7, 1:7, 1:6] = True


def test_the_curve_is_linear_and_ends_constant() -> None:
    assert WATER.of(np.array([-3000, -500, 0, 500, 9000])) == pytest.approx([0, 0.5, 1, 1.25, 1.5])


@pytest.mark.parametrize(
    ("direction", "depth", "n"),
    [((1, 0, 0), 5, 30), ((-3, 0, 0), 5, 30), ((0, 1, 0), 6, 25), ((0, 0, -1), 5, 30)],
)
def test_a_bias_adds_up_along_the_beam(direction: Vector, depth: int, n: int) -> None:
    x = np.zeros(BOX.shape)
    got = range_error(x, x + 200, WATER, spacing_mm=MM, direction=direction, body=BOX)
    # 200 HU are a tenth of a millimetre of water per millimetre.
    assert got == pytest.approx((0.1 * depth, 0.1 * depth, 0.1 * depth, n))


def test_errors_beyond_the_target_and_outside_the_body_do_not_count() -> None:
    x = np.zeros(BOX.shape)
    y = x.copy()
    y[~BOX] = 1000
    y[5:] = 1000
    target = np.zeros(BOX.shape, bool)
    target[4, 3, 3] = True
    there = range_error(x, y, WATER, spacing_mm=MM, direction=(1, 0, 0), body=BOX, target=target)
    assert (there.mean_absolute_mm, there.worst_mm, there.n_rays) == (0.0, 0.0, 1)
    back = range_error(x, y, WATER, spacing_mm=MM, direction=(-1, 0, 0), body=BOX, target=target)
    assert back.mean_mm == pytest.approx(2 * 0.5)


def test_signs_and_the_worst_rays() -> None:
    x = np.zeros((4, 10, 10))
    y = x.copy()
    y[:, :, :5], y[:, :, 5:] = 200, -100
    got = range_error(x, y, WATER, spacing_mm=MM, direction=(1, 0, 0), body=np.ones(x.shape, bool))
    assert got.mean_mm == pytest.approx(0)
    assert got.mean_absolute_mm == pytest.approx(0.4)
    assert got.worst_mm == pytest.approx(0.4)
    assert got.n_rays == 100


def test_lengths_are_in_mm_on_any_grid_and_at_any_angle() -> None:
    # All rays together, each for 1 mm^2, add up to the ball's volume whichever way they go.
    spacing, shape = (1.0, 1.5, 2.0), (61, 43, 31)
    place = [(i - (n - 1) / 2) * s for i, n, s in zip(np.indices(shape), shape, spacing, strict=True)]
    ball = np.asarray(sum(one**2 for one in place) <= 20**2)
    x = np.zeros(shape)
    for direction in ((1, 0, 0), (0, 0, 1), (1, 1, 0.3)):
        got = range_error(x, x + 200, WATER, spacing_mm=spacing, direction=direction, body=ball)
        assert got.mean_mm * got.n_rays == pytest.approx(0.1 * ball.sum() * 1.5 * 2, rel=0.01)


def test_a_body_that_fills_the_grid_counts_to_its_edge() -> None:
    x = np.zeros((9, 9, 9))
    body = np.ones(x.shape, bool)
    got = range_error(x, x + 200, WATER, spacing_mm=MM, direction=(1, 1, 0.2), body=body)
    assert got.mean_mm * got.n_rays == pytest.approx(0.1 * 9**3, rel=0.05)


def test_identity_is_no_error() -> None:
    x = np.random.default_rng(0).normal(0, 300, BOX.shape)
    assert range_error(x, x, WATER, spacing_mm=MM, direction=(1, 2, 3), body=BOX)[:3] == (0, 0, 0)


def test_what_has_no_answer_is_refused_by_name() -> None:
    x = np.zeros(BOX.shape)
    for spacing, direction in (((1, 0, 1), (1, 0, 0)), (MM, (0, 0, 0)), (MM, (np.nan, 0, 1))):
        with pytest.raises(UsageError, match="a direction with a length"):
            range_error(x, x, WATER, spacing_mm=spacing, direction=direction, body=BOX)
    for hu, ratio in (((0, 0), (1, 1)), ((0,), (1,)), ((0, 1), (1,)), ((0, 1), (1, -1))):
        with pytest.raises(UsageError, match="HU calibration"):
            StoppingPowerCurve(hu, ratio)
    with pytest.raises(InputError, match="no voxels"):
        range_error(x, x, WATER, spacing_mm=MM, direction=(1, 0, 0), body=BOX, target=~BOX)
    speck = np.zeros(BOX.shape, bool)
    speck[2, 2, 3] = True
    with pytest.raises(InputError, match="no ray meets"):
        range_error(x, x, WATER, spacing_mm=MM, direction=(1, 1, 1), body=BOX, target=speck)
    with pytest.raises(InputError, match="a volume"):
        range_error(x[3], x[3], WATER, spacing_mm=MM, direction=(1, 0, 0), body=BOX[3])
    with pytest.raises(InputError, match="not finite"):
        range_error(x, x * np.nan, WATER, spacing_mm=MM, direction=(1, 0, 0), body=BOX)
