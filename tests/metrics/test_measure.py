from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from transmodal.errors import InputError, UsageError
from transmodal.metrics.measure import SUITE, fitting, take
from transmodal.metrics.pair import Scene
from transmodal.metrics.suite import colour, fsim, ms_ssim, ssim, stsim
from transmodal.metrics.suite.voxels import mae, nmse

SHAPE = (50, 49, 4)


def _scene(*channels: int) -> Scene:
    rng = np.random.default_rng(0)
    x = rng.random((*SHAPE, *channels)).cumsum(axis=0) / SHAPE[0]
    y = np.clip(x + 0.05 * rng.normal(size=x.shape), 0, None)
    return Scene(x, y, data_range=1, unit="FA", spacing_mm=(1, 1, 2))


def _mask() -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    mask = np.zeros(SHAPE, bool)
    mask[5:40, 8:44, 1:3] = True
    return mask


@pytest.mark.parametrize("channels", [(), (3,)])
@pytest.mark.parametrize("masked", [False, True])
def test_every_metric_is_best_for_identity_and_worse_with_noise(
    channels: tuple[int, ...], masked: bool
) -> None:
    scene = replace(_scene(*channels), mask=_mask() if masked else None)
    worse = replace(scene, synthetic=scene.reference + 4 * (scene.synthetic - scene.reference))
    names = [one for one in fitting(scene) if one not in {"outside_energy", "ring_energy"}]  # of one image
    best, some, more = (
        take(one, names) for one in (replace(scene, synthetic=scene.reference.copy()), scene, worse)
    )
    assert len(best) == sum(metric.name in names and metric.kind in ("any", scene.kind) for metric in SUITE)
    for zero, little, much in zip(best, some, more, strict=True):
        if zero.best == "higher":
            assert zero.value > little.value > much.value, zero.metric
        else:
            assert abs(zero.value) < 1e-9 < abs(little.value) < abs(much.value), zero.metric


def test_figures_are_the_functions_own_in_the_order_of_the_table() -> None:
    scene = replace(_scene(), mask=_mask())
    x, y, mask = scene.reference, scene.synthetic, scene.mask
    figures = take(scene, {"nmse", "mae", "stsim2", "fsim", "ms_ssim"})
    assert [(one.metric, one.dims) for one in figures] == [
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
    assert [one.excluded for one in figures] == [None, None, None, 2, 2, 2]


def test_colour_has_its_own() -> None:
    scene = _scene(3)
    figures = {one.metric: one for one in take(scene, ["delta_cf", "ciede2000", "fsim_colour"])}
    x, y = scene.reference, scene.synthetic
    assert figures["delta_cf"].value == colour.delta_cf(x, y, white=1)
    assert figures["ciede2000"].value == colour.ciede2000(x, y, white=1)
    assert figures["ciede2000"].unit == "Delta E00"
    assert figures["fsim_colour"].excluded == 0


def test_structure_counts_from_the_background() -> None:
    scene = _scene()
    shifted = replace(
        scene, reference=scene.reference - 9, synthetic=scene.synthetic - 9, background=-9, unit="HU"
    )
    names = ["ssim", "ms_ssim", "stsim1", "fsim"]
    for one, other in zip(take(scene, names), take(shifted, names), strict=True):
        assert one.value == pytest.approx(other.value, abs=1e-9)
    assert take(shifted, ["ssim"])[0].value == pytest.approx(
        ssim.ssim(scene.reference, scene.synthetic, data_range=1)
    )


def test_the_protocol_says_what_a_figure_is() -> None:
    scene = replace(_scene(), mask=_mask())
    three, two = take(scene, ["ms_ssim"])
    assert three.protocol.startswith("inside the mask; 3D; data range 1 FA; Wang 2003")
    assert three.protocol.endswith("window 11x11x3, levels 1")
    assert two.protocol.endswith("window 11x11, levels 3")
    assert "mean over slices of axis 2" in two.protocol
    assert take(_scene(), ["mse"])[0].unit == "(FA)^2"
    assert "whole volume" in take(_scene(), ["mse"])[0].protocol


def test_what_fits_follows_kind_and_size() -> None:
    scene = _scene()
    one_slice = replace(scene, reference=scene.reference[..., :1], synthetic=scene.synthetic[..., :1])
    small = replace(scene, axis=0)
    assert set(fitting(scene)) - set(fitting(one_slice)) == {"gradient_error"}
    assert set(fitting(scene)) - set(fitting(small)) == {"stsim1", "stsim2", "fsim", "lattice_excess"}
    assert set(fitting(_scene(3))) - set(fitting(scene)) == {"fsim_colour", "delta_cf", "ciede2000"}
    assert set(fitting(scene)) - set(fitting(_scene(3))) == {"lattice_excess"}
    assert take(one_slice, fitting(one_slice))
    assert take(small, fitting(small))


def test_blank_slices_are_left_out_and_counted() -> None:
    scene = _scene()
    blank = replace(scene, reference=scene.reference.copy(), synthetic=scene.synthetic.copy())
    blank.reference[..., :2] = blank.synthetic[..., :2] = 0
    assert take(blank, ["fsim"])[0].excluded == 2
    with pytest.raises(InputError, match="slices without content"):
        take(replace(blank, reference=0 * blank.reference, synthetic=0 * blank.reference), ["fsim"])


def test_names_and_kinds_that_do_not_go_are_refused() -> None:
    with pytest.raises(UsageError, match="the metric dice; expected ciede2000, "):
        take(_scene(), ["mae", "dice"])
    with pytest.raises(InputError, match="the metric ciede2000 of grey volumes") as caught:
        take(_scene(), ["ciede2000"])
    assert caught.value.code == "E122"
    with pytest.raises(InputError, match="of colour volumes"):
        take(_scene(3), ["lattice_excess"])
    with pytest.raises(InputError, match="not finite"):
        take(replace(_scene(), synthetic=np.full(SHAPE, np.nan)), ["stsim1"])
