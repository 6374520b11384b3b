from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.metrics import registry
from transmodal.metrics.measure import applicable, measure, measure_both
from transmodal.metrics.pair import ImagePair
from transmodal.metrics.slices import over_slices
from transmodal.metrics.suite import colour, fsim, ms_ssim, ssim, stsim
from transmodal.metrics.suite.voxels import mae, nmse

SHAPE = (50, 49, 4)


def _pair(*channels: int) -> ImagePair:
    rng = np.random.default_rng(0)
    x = rng.random((*SHAPE, *channels)).cumsum(axis=0) / SHAPE[0]
    y = np.clip(x + 0.05 * rng.normal(size=x.shape), 0, None)
    return ImagePair(x, y, data_range=1, unit="FA", spacing_mm=(1, 1, 2))


def _mask() -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    mask = np.zeros(SHAPE, bool)
    mask[5:40, 8:44, 1:3] = True
    return mask


@pytest.mark.parametrize("channels", [(), (3,)])
@pytest.mark.parametrize("masked", [False, True])
def test_every_metric_is_best_for_identity_and_worse_with_noise(
    channels: tuple[int, ...], masked: bool
) -> None:
    pair = replace(_pair(*channels), mask=_mask() if masked else None)
    worse = replace(pair, synthetic=pair.reference + 4 * (pair.synthetic - pair.reference))
    names = [one for one in applicable(pair) if one not in {"outside_energy", "ring_energy"}]  # of one image
    best, some, more = (
        measure(one, names) for one in (replace(pair, synthetic=pair.reference.copy()), pair, worse)
    )
    assert len(best) == sum(len(registry.find(name).dims) for name in names)
    for zero, little, much in zip(best, some, more, strict=True):
        if registry.higher_is_better(zero.metric):
            assert zero.value > little.value > much.value, zero.metric
        else:
            assert abs(zero.value) < 1e-9 < abs(little.value) < abs(much.value), zero.metric


def test_figures_are_the_functions_own_in_the_order_of_the_table() -> None:
    pair = replace(_pair(), mask=_mask())
    x, y, mask = pair.reference, pair.synthetic, pair.mask
    figures = measure(pair, {"nmse", "mae", "stsim2", "fsim", "ms_ssim"})
    assert [(one.metric, one.protocol.dims) for one in figures] == [
        ("mae", 3),
        ("nmse", 3),
        ("ms_ssim", 3),
        ("ms_ssim", 2),
        ("stsim2", 2),
        ("fsim", 2),
    ]
    by_slice = [(x[..., k], y[..., k], mask[..., k]) for k in (1, 2)] if mask is not None else []
    expected = [
        mae(x, y, mask=mask),
        nmse(x, y, mask=mask),
        ms_ssim.ms_ssim(x, y, data_range=1, mask=mask),
        np.mean([ms_ssim.ms_ssim(a, b, data_range=1, mask=m) for a, b, m in by_slice]),
        np.mean([stsim.stsim2(a, b, data_range=1, mask=m) for a, b, m in by_slice]),
        np.mean([fsim.fsim(a, b, data_range=1, mask=m) for a, b, m in by_slice]),
    ]
    assert [one.value for one in figures] == pytest.approx(expected)
    assert [one.slices_excluded for one in figures] == [None, None, None, 2, 2, 2]


def test_colour_has_its_own() -> None:
    pair = _pair(3)
    figures = {one.metric: one for one in measure(pair, ["delta_cf", "ciede2000", "fsim_colour"])}
    x, y = pair.reference, pair.synthetic
    assert figures["delta_cf"].value == colour.delta_cf(x, y, white=1)
    assert figures["ciede2000"].value == colour.ciede2000(x, y, white=1)
    assert figures["ciede2000"].unit == "Delta E00"
    assert figures["fsim_colour"].slices_excluded == 0


def test_structure_counts_from_the_background() -> None:
    pair = _pair()
    shifted = replace(
        pair, reference=pair.reference - 9, synthetic=pair.synthetic - 9, background=-9, unit="HU"
    )
    names = ["ssim", "ms_ssim", "stsim1", "fsim"]
    for one, other in zip(measure(pair, names), measure(shifted, names), strict=True):
        assert one.value == pytest.approx(other.value, abs=1e-9)
    assert measure(shifted, ["ssim"])[0].value == pytest.approx(
        ssim.ssim(pair.reference, pair.synthetic, data_range=1)
    )


def test_the_protocol_says_what_a_figure_is() -> None:
    pair = replace(_pair(), mask=_mask())
    three, two = measure(pair, ["ms_ssim"])
    assert three.protocol.text().startswith("inside the evaluation mask; 3D; data range 1 FA; Wang 2003")
    assert three.detail == "window 11x11x3, levels 1"
    assert two.detail == "window 11x11, levels 3"
    assert "mean over axial slices" in two.protocol.text()
    assert measure(_pair(), ["mse"])[0].unit == "(FA)^2"
    assert "whole volume" in measure(_pair(), ["mse"])[0].protocol.text()


def test_what_fits_follows_kind_and_size() -> None:
    pair = _pair()
    one_slice = replace(pair, reference=pair.reference[..., :1], synthetic=pair.synthetic[..., :1])
    small = replace(pair, axis=0)
    assert set(applicable(pair)) - set(applicable(one_slice)) == {"gradient_error"}
    assert set(applicable(pair)) - set(applicable(small)) == {
        *("stsim1", "stsim2", "fsim", "cw_ssim", "lattice_excess")
    }
    assert set(applicable(_pair(3))) - set(applicable(pair)) == {"fsim_colour", "delta_cf", "ciede2000"}
    assert set(applicable(pair)) - set(applicable(_pair(3))) == {"lattice_excess"}
    assert measure(one_slice, applicable(one_slice))
    assert measure(small, applicable(small))


def test_blank_slices_are_left_out_and_counted() -> None:
    pair = _pair()
    blank = replace(pair, reference=pair.reference.copy(), synthetic=pair.synthetic.copy())
    blank.reference[..., :2] = blank.synthetic[..., :2] = 0
    assert measure(blank, ["fsim"])[0].slices_excluded == 2
    with pytest.raises(InputError, match="slices without content"):
        measure(replace(blank, reference=0 * blank.reference, synthetic=0 * blank.reference), ["fsim"])


def test_names_and_kinds_that_do_not_go_are_refused() -> None:
    with pytest.raises(UsageError, match="the metric dice; expected ciede2000, "):
        measure(_pair(), ["mae", "dice"])
    with pytest.raises(InputError, match="the metric ciede2000 of grey volumes") as caught:
        measure(_pair(), ["ciede2000"])
    assert caught.value.code == "E122"
    with pytest.raises(InputError, match="of colour volumes"):
        measure(_pair(3), ["lattice_excess"])
    with pytest.raises(InputError, match="not finite"):
        measure(replace(_pair(), synthetic=np.full(SHAPE, np.nan)), ["stsim1"])


@pytest.mark.parametrize(
    ("name", "function"), [("stsim1", stsim.stsim1), ("stsim2", stsim.stsim2), ("fsim", fsim.fsim)]
)
@pytest.mark.parametrize("is_masked", [False, True])
def test_structure_of_colour_is_that_of_its_grey(
    name: str,
    function: Callable[..., float],
    is_masked: bool,
    colour_pair: ImagePair,
    inner_mask: NDArray[np.bool_],
) -> None:
    def metric(x: NDArray[np.float64], y: NDArray[np.float64], part: NDArray[np.bool_] | None) -> float:
        return function(x, y, data_range=255.0, mask=part)

    pair = replace(colour_pair, mask=inner_mask if is_masked else None)
    (figure,) = measure(pair, [name])
    x, y = (volume.astype(np.float64).mean(axis=-1) for volume in (pair.reference, pair.synthetic))
    wanted = over_slices(metric, x, y, axis=2, mask=pair.mask).mean
    assert figure.value == pytest.approx(wanted, rel=1e-9)
    assert "grey is the mean of the three channels" in figure.protocol.text()
    (plain,) = measure(replace(pair, reference=x, synthetic=y), [name])
    assert plain.value == pytest.approx(wanted, rel=1e-9)
    assert "three channels" not in plain.protocol.text()


def test_metrics_apply_to_what_a_pair_has(colour_pair: ImagePair, inner_mask: NDArray[np.bool_]) -> None:
    named = set(applicable(colour_pair))
    assert {"stsim2", "fsim", "fsim_source", "ciede2000_organs"} <= named
    assert not {"outside_energy", "lattice_excess"} & named
    bare = set(applicable(replace(colour_pair, source=None, labels=None, mask=inner_mask)))
    assert {"stsim2", "ring_energy"} <= bare
    assert not {"stsim2_source", "delta_cf_organs"} & bare


def test_inside_and_whole_together_are_what_they_are_one_by_one() -> None:
    pair = replace(_pair(), mask=_mask())
    names, of_whole = ("mae", "ssim", "ring_energy"), ("mae", "ssim")
    both = measure_both(pair, names, of_whole)
    alone = measure(pair, names), measure(replace(pair, mask=None), of_whole)
    for figures, expected in zip(both, alone, strict=True):
        assert [one._replace(value=0) for one in figures] == [one._replace(value=0) for one in expected]
        assert [one.value for one in figures] == pytest.approx([one.value for one in expected], rel=1e-12)
    with pytest.raises(UsageError) as caught:
        measure_both(pair, ["mae", "no_such"], ["mae"])
    assert caught.value.code == "E002"
