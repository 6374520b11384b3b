from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from transmodal.volumes.intensity import IntensityMap, IntensitySpec, Range, _percentiles, cohort_map, fit

Image = NDArray[np.float32]
MANY = settings(deadline=None, max_examples=30)

ranges = st.sampled_from(["signed", "unit", "free"])
images = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=6),
    elements=st.floats(-3e4, 3e4, width=32),
)


@st.composite
def specs(draw: st.DrawFn) -> IntensitySpec:
    method = draw(st.sampled_from(["window", "percentile", "zscore", "minmax"]))
    if method == "zscore":
        return IntensitySpec("zscore")
    if method == "minmax":
        return IntensitySpec("minmax")
    if method == "percentile":
        return IntensitySpec("percentile", draw(st.floats(0, 49)), draw(st.floats(51, 100)))
    low = draw(st.floats(-2000, 2000))
    return IntensitySpec("window", low, low + draw(st.floats(0.01, 5000)))


@MANY
@given(specs(), images, ranges)
def test_every_map_has_its_inverse(spec: IntensitySpec, values: Image, range_: Range) -> None:
    fitted = fit(spec, values, range=range_)
    assert fitted.scale > 0
    inside = values.astype(float)
    if fitted.low is not None:
        inside = np.clip(inside, fitted.low, fitted.high)
    mapped = fitted.apply(values)
    assert np.isfinite(mapped).all()
    error = np.abs(fitted.invert(mapped) - inside)
    # What float32 resolves, of the values and of the mapped range.
    assert (error <= 4e-7 * (np.abs(inside) + 1 / fitted.scale) * max(1, np.abs(mapped).max())).all()


@MANY
@given(specs(), images, ranges)
def test_mapped_values_keep_to_their_range_and_order(
    spec: IntensitySpec, values: Image, range_: Range
) -> None:
    fitted = fit(spec, values, range=range_)
    mapped = fitted.apply(values)
    if fitted.low is not None:
        assert mapped.min() >= (0 if range_ == "unit" else -1)
        assert mapped.max() <= 1
    order = np.argsort(values, axis=None)
    assert (np.diff(mapped.ravel()[order]) >= 0).all()


@MANY
@given(st.integers(-1024, 2000), st.integers(1, 4095), ranges)
def test_integers_inside_a_window_come_back(low: int, width: int, range_: Range) -> None:
    values = np.arange(low, low + width + 1, dtype=np.int16)
    fitted = fit(IntensitySpec("window", low, low + width), values, range=range_)
    back = fitted.invert(fitted.apply(values))
    assert np.abs(back - values).max() <= 0.5
    np.testing.assert_array_equal(np.rint(back), values)


@MANY
@given(specs(), images, ranges)
def test_json_keeps_every_bit(spec: IntensitySpec, values: Image, range_: Range) -> None:
    fitted = fit(spec, values, range=range_)
    again = IntensityMap.from_json(json.loads(json.dumps(fitted.to_json(), allow_nan=False)))
    assert again == fitted
    np.testing.assert_array_equal(again.apply(values), fitted.apply(values))


@MANY
@given(specs(), st.lists(images, min_size=1, max_size=5), ranges)
def test_a_reference_is_a_map_of_the_same_kind(
    spec: IntensitySpec, cohort: list[Image], range_: Range
) -> None:
    maps = [fit(spec, values, range=range_) for values in cohort]
    one = cohort_map(maps)
    assert (one.spec, one.range) == (maps[0].spec, maps[0].range)
    assert np.isfinite([one.scale, one.offset]).all()
    if len(maps) == 1:
        probe = np.linspace(-1, 1, 7)
        np.testing.assert_allclose(one.invert(probe), maps[0].invert(probe), rtol=1e-5, atol=1e-5)


@MANY
@given(
    st.sampled_from(["u1", "i1", "u2", "i2", "u4", "i4", "i8", "f4", "f8"]).flatmap(
        lambda kind: (
            hnp.arrays(kind, st.integers(1, 40), elements={"allow_nan": False, "allow_infinity": False})
            if kind[0] == "f"
            else hnp.arrays(kind, st.integers(1, 40))
        )
    ),
    st.tuples(st.floats(0, 100), st.floats(0, 100)).filter(lambda ends: ends[0] < ends[1]),
)
def test_percentiles_are_those_of_doubles(values: NDArray[Any], ends: tuple[float, float]) -> None:
    with np.errstate(all="ignore"):  # differences of numbers as large as doubles can be
        wanted = np.percentile(values.astype(np.float64), ends)
        found = list(_percentiles(values.copy(), *ends))
    np.testing.assert_array_equal(found, wanted)
