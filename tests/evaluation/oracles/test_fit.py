from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.errors import InputError, UsageError
from transmodal.evaluation.oracles import fit as oracles
from transmodal.inference.preprocessing import Preprocessing
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec, fit

Make = Callable[..., Any]
AFFINE = np.eye(4)


def _blob(
    shape: tuple[int, int, int], centre: tuple[float, float, float], width: float
) -> NDArray[np.float64]:
    axes = np.meshgrid(*[np.arange(n) - c for n, c in zip(shape, centre, strict=True)], indexing="ij")
    field: NDArray[np.float64] = np.exp(-sum(axis**2 for axis in axes) / (2 * width**2))
    return field


def _moved(case: Any, by: tuple[float, float, float]) -> Any:  # noqa: ANN401  # a fake case
    affine = np.eye(4)
    affine[:3, 3] = by
    return type(case)(
        case.id, {name: Volume(v.voxels, affine) for name, v in case.volumes.items()}, case.inside, case.brain
    )


def _translated(name: str, training: list[Any], case: Any, preprocessing: Preprocessing) -> NDArray[Any]:  # noqa: ANN401
    oracle = oracles.fit(name, training, preprocessing)
    result = oracle.translate_case(case)
    assert result.grid.same_as(case.grid)
    assert oracle.name == name
    return result.voxels


def _boxed(case: Any) -> Any:  # noqa: ANN401
    """Give the case a brain whose centroid lies on a voxel, so that centring moves by whole voxels."""
    brain = np.zeros((14, 17, 12), bool)
    brain[2:11, 3:14, 2:11] = True
    return type(case)(case.id, case.volumes, case.inside, brain)


def test_mean_target_is_centred_on_the_brain(make_case: Make, make_preprocessing: Make) -> None:
    case = _boxed(make_case(1))
    copies = [_moved(case, by) for by in ((0, 0, 0), (40, -7, 3), (-11, 12, 90))]
    got = _translated("mean_target", copies, _moved(case, (500, 0, 0)), make_preprocessing(spacing_mm=1.0))
    assert got == pytest.approx(np.where(case.brain, case.volumes["fa"].voxels, 0), abs=1e-4)


def test_mean_target_is_the_mean(make_case: Make, make_preprocessing: Make) -> None:
    first, second = _boxed(make_case(1)), _boxed(make_case(2))
    got = _translated("mean_target", [first, second], first, make_preprocessing(spacing_mm=1.0))
    mean = (first.volumes["fa"].voxels + second.volumes["fa"].voxels) / 2
    assert got == pytest.approx(np.where(first.brain, mean, 0), abs=1e-5)


def test_mean_target_counts_only_cases_that_reach(make_case: Make, make_preprocessing: Make) -> None:
    whole, low = _boxed(make_case(1)), _boxed(make_case(2))
    cut = type(low)(
        low.id,
        {n: Volume(v.voxels[..., :9], AFFINE) for n, v in low.volumes.items()},
        None,
        low.brain[..., :9],
    )
    got = _translated("mean_target", [whole, cut], whole, make_preprocessing(spacing_mm=1.0))
    assert got[4, 8, 10] == pytest.approx(float(whole.volumes["fa"].voxels[4, 8, 10]), abs=1e-4)


def test_mean_target_does_not_see_the_test_case(make_case: Make, make_preprocessing: Make) -> None:
    oracle = oracles.fit("mean_target", [make_case(1), make_case(2)], make_preprocessing())
    other = make_case(3)
    blank = type(other)("blank", {"t1": other.volumes["t1"]}, None, other.brain)
    np.testing.assert_array_equal(oracle.translate(other).voxels, oracle.translate(blank).voxels)


@pytest.mark.parametrize("name", oracles.STANDARD)
def test_outside_the_region_is_the_fill(name: str, make_case: Make, make_preprocessing: Make) -> None:
    hu = fit(IntensitySpec("window", -1024, 3000), np.zeros(1))
    preprocessing = make_preprocessing(target="ct", target_map=hu)
    cases = [make_case(seed, ct=Volume(np.full((14, 17, 12), 40.0, np.float32), AFFINE)) for seed in range(2)]
    got = _translated(name, cases, cases[0], preprocessing)
    assert (got[~cases[0].brain] == -1024).all()
    assert got[cases[0].brain] == pytest.approx(40, abs=1e-2)


def test_lookup_learns_a_curve(make_case: Make, make_preprocessing: Make) -> None:
    def with_curve(seed: int) -> Any:  # noqa: ANN401
        case = make_case(seed)
        t1 = case.volumes["t1"].voxels
        return make_case(seed, fa=Volume((0.5 + 0.5 * np.sin(t1 / 100)).astype(np.float32), AFFINE))

    test = with_curve(9)
    got = _translated("lookup", [with_curve(n) for n in range(4)], test, make_preprocessing())
    inside = test.brain
    assert got[inside] == pytest.approx(test.volumes["fa"].voxels[inside], abs=400 / 256 / 100 + 1e-3)


def test_lookup_gives_unseen_intensities_their_nearest_neighbour(
    make_case: Make, make_preprocessing: Make
) -> None:
    two = np.where(np.arange(12) % 2, 100.0, 300.0) * np.ones((14, 17, 12))
    case = make_case(
        0, t1=Volume(two.astype(np.float32), AFFINE), fa=Volume((two / 1000).astype(np.float32), AFFINE)
    )
    shifted = make_case(0, t1=Volume((two + 40).astype(np.float32), AFFINE))
    got = _translated("lookup", [case], shifted, make_preprocessing(region="whole"))
    assert got == pytest.approx(two / 1000, abs=1e-6)


def test_lookup_of_two_sources_is_joint(make_case: Make, make_preprocessing: Make) -> None:
    def crossed(seed: int) -> Any:  # noqa: ANN401
        rng = np.random.default_rng(seed)
        a, b = (rng.choice([50.0, 350.0], (14, 17, 12)).astype(np.float32) for _ in range(2))
        return make_case(
            seed, t1=Volume(a, AFFINE), t2=Volume(b, AFFINE), fa=Volume((a != b).astype(np.float32), AFFINE)
        )

    test = crossed(5)
    got = _translated("lookup", [crossed(1)], test, make_preprocessing(("t1", "t2"), region="whole"))
    np.testing.assert_array_equal(got, test.volumes["fa"].voxels)


def test_linear_patch_learns_its_neighbourhood(make_case: Make, make_preprocessing: Make) -> None:
    kernel = np.zeros((3, 3, 3))
    kernel[2, 1, 1], kernel[1, 0, 2] = 0.0015, -0.0005

    def filtered(seed: int) -> Any:  # noqa: ANN401
        t1 = (np.random.default_rng(seed).random((14, 17, 12)) * 400).astype(np.float32)
        fa = 0.3 + ndimage.correlate(t1.astype(np.float64), kernel, mode="nearest")
        return make_case(seed, t1=Volume(t1, AFFINE), fa=Volume(fa.astype(np.float32), AFFINE))

    test = filtered(7)
    got = _translated("linear_patch", [filtered(1), filtered(2)], test, make_preprocessing(region="whole"))
    assert got == pytest.approx(test.volumes["fa"].voxels, abs=1e-4)


def test_linear_patch_of_two_sources_is_joint(make_case: Make, make_preprocessing: Make) -> None:
    def summed(seed: int) -> Any:  # noqa: ANN401
        rng = np.random.default_rng(seed)
        a, b = ((rng.random((14, 17, 12)) * 400).astype(np.float32) for _ in range(2))
        fa = 0.2 + 0.001 * a - 0.0005 * np.roll(b, 0, axis=0)
        return make_case(seed, t1=Volume(a, AFFINE), t2=Volume(b, AFFINE), fa=Volume(fa, AFFINE))

    test = summed(7)
    got = _translated("linear_patch", [summed(1)], test, make_preprocessing(("t1", "t2"), region="whole"))
    assert got == pytest.approx(test.volumes["fa"].voxels, abs=1e-4)


@pytest.mark.parametrize("name", oracles.STANDARD)
def test_colour_targets_and_sources(name: str, make_case: Make, make_preprocessing: Make) -> None:
    def coloured(seed: int) -> Any:  # noqa: ANN401
        red = np.random.default_rng(seed).integers(0, 256, (14, 17, 12, 3), dtype=np.uint8)
        return make_case(seed, photo=Volume(red, AFFINE), colour=Volume(red // 2, AFFINE))

    preprocessing = make_preprocessing(("photo",), "colour", region="whole", high=255.0)
    test = coloured(8)
    got = _translated(name, [coloured(1), coloured(2)], test, preprocessing)
    assert got.shape == (14, 17, 12, 3)
    error = np.abs(got - test.volumes["colour"].voxels).mean()
    assert error < {"mean_target": 45, "lookup": 8, "linear_patch": 1}[name]


@pytest.mark.parametrize("name", oracles.STANDARD)
def test_oracles_work_on_the_views_grid(name: str, make_preprocessing: Make, make_case: Make) -> None:
    shape = (24, 26, 22)
    field = _blob(shape, (11, 13, 10), 4).astype(np.float32)
    case = make_case(0)
    coarse = type(case)(
        "blob", {"t1": Volume(field * 400, AFFINE), "fa": Volume(field, AFFINE)}, None, field > 0.02
    )
    got = _translated(name, [coarse], coarse, make_preprocessing(spacing_mm=2.0))
    inside = field > 0.02
    assert np.abs(got - field)[inside].mean() < 0.06


def test_registered_mean_follows_the_source(make_case: Make, make_preprocessing: Make) -> None:
    shape = (30, 34, 28)

    def subject(name: str, centre: tuple[float, float, float], width: float) -> Any:  # noqa: ANN401
        outer, inner = _blob(shape, centre, width), _blob(shape, (centre[0] + 3, *centre[1:]), width / 2.5)
        t1 = (250 * outer + 150 * inner).astype(np.float32)
        return type(make_case(0))(
            name,
            {"t1": Volume(t1, AFFINE), "fa": Volume(inner.astype(np.float32), AFFINE)},
            None,
            outer > 0.05,
        )

    training = [subject("a", (14, 17, 13), 5.0), subject("b", (15, 16, 14), 6.5)]
    test = subject("c", (15, 18, 13), 8.0)
    truth = test.volumes["fa"].voxels
    preprocessing = make_preprocessing(spacing_mm=1.0)
    registered = np.abs(_translated("registered_mean", training, test, preprocessing) - truth)[
        test.brain
    ].mean()
    centred = np.abs(_translated("mean_target", training, test, preprocessing) - truth)[test.brain].mean()
    assert registered < 0.6 * centred


def test_progress_is_told(make_case: Make, make_preprocessing: Make) -> None:
    told: list[tuple[str, int, int]] = []
    oracles.fit(
        "lookup", [make_case(1), make_case(2)], make_preprocessing(), progress=lambda *what: told.append(what)
    )
    assert told == [("lookup", 1, 2), ("lookup", 2, 2)]


def test_unknown_oracles_and_empty_splits_are_refused(make_case: Make, make_preprocessing: Make) -> None:
    with pytest.raises(UsageError, match="mean_targt") as caught:
        oracles.fit("mean_targt", [make_case(1)], make_preprocessing())
    assert caught.value.code == "E002"
    with pytest.raises(InputError, match="no training case") as empty:
        oracles.fit("lookup", [], make_preprocessing())
    assert empty.value.code == "E132"
