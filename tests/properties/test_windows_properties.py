from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from examples import examples
from transmodal.volumes.windows.cut import Cutting, Stitcher, Window, cut, list_windows

MANY = examples(30)
FEW = examples(25)

sides = st.integers(1, 20)
shapes = st.tuples(sides, sides, sides)
axes = st.sampled_from([0, 1, 2])
fits = st.sampled_from(["keep", "ignore"])


def noise(shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.random.default_rng(len(shape)).uniform(-1, 1, shape).astype(np.float32)


def there_and_back(array: NDArray[np.float32], cutting: Cutting, axis: int | None) -> NDArray[np.float32]:
    stitcher = Stitcher(array.shape[:3], cutting)
    for window in list_windows(array.shape, cutting, axis):
        stitcher.add(window, cut(array, window, cutting.centre(), fill=-1))
    return stitcher.result()


def middle_of(image: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the centre of mass, as a share of each side."""
    where = (np.stack(np.indices(image.shape), axis=-1) + 0.5) / image.shape
    centre: NDArray[np.float64] = (where * image[..., None]).sum(axis=(0, 1)) / image.sum()
    return centre


@MANY
@given(shapes, axes, st.tuples(sides, sides), st.integers(1, 16), st.sampled_from([1, 3, 5]))
def test_an_identity_of_slices_is_exact(
    shape: tuple[int, int, int], axis: int, size: tuple[int, int], multiple: int, depth: int
) -> None:
    array = noise(shape)
    rounded = (size[0] * multiple, size[1] * multiple)
    for cutting in (
        Cutting("slab", depth=depth, multiple=multiple),
        Cutting("slab", size=rounded, depth=depth, multiple=multiple).covering(shape, axis),
    ):
        window = cut(array, list_windows(shape, cutting, axis)[0], cutting, fill=-1)
        assert window.shape[0] == depth
        assert all(side % multiple == 0 for side in window.shape[1:])
        np.testing.assert_array_equal(there_and_back(array, cutting, axis), array)


@MANY
@given(shapes, st.tuples(sides, sides, sides), st.floats(0, 0.8))
def test_an_identity_of_patches_is_exact_to_a_millionth(
    shape: tuple[int, int, int], size: tuple[int, int, int], overlap: float
) -> None:
    side = (max(3, size[0]), max(3, size[1]), max(3, size[2]))
    array = noise(shape)
    cutting = Cutting("patch", size=side, overlap=overlap)
    assert np.abs(there_and_back(array, cutting, None) - array).max() <= 1e-6


@MANY
@given(st.tuples(sides, sides), st.tuples(sides, sides), fits)
def test_constants_stay_constant(plane: tuple[int, int], size: tuple[int, int], fit: str) -> None:
    array = np.full((*plane, 2), 0.7, np.float32)
    cutting = Cutting(size=size, fit="keep" if fit == "keep" else "ignore")
    window = cut(array, Window(2, (0, 0, 1)), cutting, fill=0.7)
    assert window.shape == (1, *size)
    np.testing.assert_allclose(window, 0.7, atol=1e-6)
    np.testing.assert_allclose(there_and_back(array, cutting, 2), 0.7, atol=1e-6)


@FEW
@given(
    st.tuples(st.integers(40, 90), st.integers(40, 90)),
    st.tuples(st.integers(60, 140), st.integers(60, 140)),
    st.tuples(st.floats(0.45, 0.55), st.floats(0.45, 0.55)),
    fits,
)
def test_resizing_shifts_nothing(
    plane: tuple[int, int], size: tuple[int, int], centre: tuple[float, float], fit: str
) -> None:
    x, y = (((np.arange(n) + 0.5) / n - c) / 0.1 for n, c in zip(plane, centre, strict=True))
    array = np.exp(-0.5 * (x[:, None] ** 2 + y**2)).astype(np.float32)[..., None]
    cutting = Cutting(size=size, fit="keep" if fit == "keep" else "ignore")
    window = cut(array, Window(2, (0, 0, 0)), cutting, fill=0)[0]
    back = there_and_back(array, cutting, 2)[..., 0]
    # Linear interpolation blurs by its phase, which moves a blob of 4 voxels by up to 0.012; half a pixel's fault moves it by 0.05.
    np.testing.assert_allclose(middle_of(back) * plane, middle_of(array[..., 0]) * plane, atol=0.02)
    if fit == "ignore":
        np.testing.assert_allclose(middle_of(window) * size, middle_of(array[..., 0]) * size, atol=0.01)


@MANY
@given(st.tuples(st.integers(2, 40), st.integers(2, 40)), st.tuples(st.integers(2, 40), st.integers(2, 40)))
def test_ramps_stay_ramps(plane: tuple[int, int], size: tuple[int, int]) -> None:
    array = np.add.outer(np.arange(plane[0]) / plane[0], 2 * np.arange(plane[1]) / plane[1])
    window = cut(array[..., None], Window(2, (0, 0, 0)), Cutting(size=size, fit="ignore"), fill=0)[0]
    at = [
        np.clip((np.arange(out) + 0.5) * n / out - 0.5, 0, n - 1) / n
        for n, out in zip(plane, size, strict=True)
    ]
    np.testing.assert_allclose(window, np.add.outer(at[0], 2 * at[1]), atol=1e-5)
