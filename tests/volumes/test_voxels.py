"""Raw voxels become real values once, in a type that files hold; what cannot is refused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import DTypeLike

from transmodal.errors import InputError
from transmodal.volumes.voxels import build_volume, check_finite, is_finite, to_real, to_storable

SHAPE = (3, 2, 5)


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("?", "u1"), ("u1", "u1"), (">i2", "i2"), ("i4", "i4"), ("i8", "i4"), ("u8", "i4"), ("f2", "f4"), (">f4", "f4"), ("f8", "f4"),
    ],
)  # fmt: skip
def test_types_become_those_of_files(given: DTypeLike, stored: str) -> None:
    values = to_storable(np.ones(SHAPE, given), "a.nii")
    assert values.dtype == np.dtype(stored)
    assert values.dtype.isnative
    assert (values == 1).all()


@pytest.mark.parametrize(
    "values", [np.array([2**40]), np.array([1e300]), np.array([1j]), np.array([2**31], "u8")]
)
def test_values_that_no_type_holds_are_refused(values: np.ndarray) -> None:  # type: ignore[type-arg]
    with pytest.raises(InputError, match=r"a\.nii") as refused:
        to_storable(values, "a.nii")
    assert refused.value.code == "E123"


def test_without_scaling_integers_stay_and_lie_in_c_order() -> None:
    raw = np.asfortranarray(np.arange(30, dtype=">i2").reshape(SHAPE))
    real = to_real(raw, "a.nii", "refuse")
    assert real.dtype == np.int16
    assert real.flags.c_contiguous
    np.testing.assert_array_equal(real, raw)


def test_scaling_is_done_in_double_precision_and_rounded_once() -> None:
    raw = np.full(SHAPE, 2**24 + 1, np.int32)  # float32 has no such number
    real = to_real(raw, "a.nii", "refuse", slope=2.0, intercept=-(2.0**25))
    assert real.dtype == np.float32
    assert (real == 2).all()
    with pytest.raises(InputError, match="beyond float32") as refused:
        to_real(raw, "a.nii", "refuse", slope=1e35)
    assert refused.value.code == "E103"


def test_values_that_are_not_finite_are_refused_or_zero() -> None:
    raw = np.ones(SHAPE, np.float32)
    raw[1, 0, 3], raw[2, 1, 4] = np.nan, np.inf
    with pytest.raises(
        InputError, match=r"2 voxels that are not finite, the first at \(1, 0, 3\)"
    ) as refused:
        to_real(raw, "a.nii", "refuse")
    assert refused.value.code == "E120"
    zeroed = to_real(raw, "a.nii", "zero", slope=2.0, intercept=5.0)
    assert zeroed[1, 0, 3] == zeroed[2, 1, 4] == 0  # not 5, what zero would be scaled to
    assert (np.sort(zeroed.ravel())[2:] == 7).all()
    with pytest.raises(InputError):
        check_finite(raw, "a.nii")
    check_finite(np.ones(SHAPE, np.int16), "a.nii")


@pytest.mark.parametrize(
    ("value", "finite"), [(1.0, True), (np.nan, False), (np.inf, False), (-np.inf, False)]
)
def test_the_extremes_tell_whether_all_are_finite(value: float, finite: bool) -> None:
    values = np.zeros(SHAPE)
    values[1, 1, 1] = value
    assert is_finite(values) == finite


def test_a_fault_of_the_affine_names_the_file() -> None:
    with pytest.raises(InputError, match=r"^\S* ?a\.nii: the affine|a\.nii: the affine") as refused:
        build_volume(np.zeros(SHAPE), np.zeros((4, 4)), "a.nii")
    assert refused.value.code == "E112"
    assert build_volume(np.zeros(SHAPE), np.eye(4), "a.nii").grid.shape == SHAPE
