from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.metrics import registry
from transmodal.metrics.measure import applicable, measure
from transmodal.metrics.pair import ImagePair
from transmodal.metrics.slices import over_slices
from transmodal.metrics.suite import colour, energy, fsim, ms_ssim, ssim, stsim

SHAPE = (50, 52, 3)
DRAW = np.random.default_rng(4)
REFERENCE = DRAW.integers(0, 256, (*SHAPE, 3)).astype(np.uint8)
SYNTHETIC = np.clip(REFERENCE + DRAW.normal(0, 20, REFERENCE.shape), 0, 255).astype(np.float32)
SOURCE = DRAW.random(SHAPE).astype(np.float32)
LABELS = np.zeros(SHAPE, np.int16)
LABELS[5:20, 5:20] = 1
LABELS[25:30, 25:30] = 4
MASK = np.zeros(SHAPE, bool)
MASK[4:46, 4:46] = True
PAIR = ImagePair(REFERENCE, SYNTHETIC, 255.0, "sRGB levels", (1.0, 1.0, 1.0), source=SOURCE, labels=LABELS)


def grey(volume: NDArray[np.generic]) -> NDArray[np.float64]:
    return np.asarray(volume, np.float64).mean(axis=-1)


@pytest.mark.parametrize(
    ("name", "function"), [("stsim1", stsim.stsim1), ("stsim2", stsim.stsim2), ("fsim", fsim.fsim)]
)
@pytest.mark.parametrize("mask", [None, MASK])
def test_structure_of_colour_is_that_of_its_grey(
    name: str, function: Callable[..., float], mask: NDArray[np.bool_] | None
) -> None:
    def metric(x: NDArray[np.float64], y: NDArray[np.float64], part: NDArray[np.bool_] | None) -> float:
        return function(x, y, data_range=255.0, mask=part)

    (figure,) = measure(replace(PAIR, mask=mask), [name])
    wanted = over_slices(metric, grey(REFERENCE), grey(SYNTHETIC), axis=2, mask=mask).mean
    assert figure.value == pytest.approx(wanted, rel=1e-9)
    assert "grey is the mean of the three channels" in figure.protocol.text()
    greys = replace(PAIR, reference=grey(REFERENCE), synthetic=grey(SYNTHETIC), mask=mask)
    (plain,) = measure(greys, [name])
    assert plain.value == pytest.approx(wanted, rel=1e-9)
    assert "three channels" not in plain.protocol.text()


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("ssim_source", ssim.ssim),
        ("ms_ssim_source", ms_ssim.ms_ssim),
        ("stsim1_source", stsim.stsim1),
        ("stsim2_source", stsim.stsim2),
        ("fsim_source", fsim.fsim),
    ],
)
def test_structure_against_the_source(name: str, function: Callable[..., float]) -> None:
    def metric(x: NDArray[np.float64], y: NDArray[np.float64], part: NDArray[np.bool_] | None) -> float:
        return function(x, y, data_range=1.0, mask=part)

    (figure,) = measure(PAIR, [name])
    assert figure.value == over_slices(metric, SOURCE.astype(np.float64), grey(SYNTHETIC) / 255, axis=2).mean
    assert "data range 1 of both scales; " in figure.protocol.text()
    assert "against the source" in figure.protocol.text()
    same = replace(PAIR, source=grey(SYNTHETIC) / 255)
    assert measure(same, [name])[0].value == pytest.approx(1)
    with pytest.raises(UsageError, match="no source"):
        measure(replace(PAIR, source=None), [name])
    greys = replace(PAIR, reference=grey(REFERENCE), synthetic=grey(SYNTHETIC))
    with pytest.raises(InputError, match=f"{name} of grey volumes"):
        measure(greys, [name])


def test_colour_by_organ_counts_every_organ_once() -> None:
    figures = {one.metric: one for one in measure(PAIR, ["ciede2000_organs", "delta_cf_organs"])}
    organs = colour.by_organ(REFERENCE, SYNTHETIC, LABELS, white=255.0)
    assert [one.label for one in organs] == [1, 4]
    assert figures["ciede2000_organs"].value == np.mean([one.ciede2000 for one in organs])
    assert figures["delta_cf_organs"].value == np.mean([one.delta_cf for one in organs])
    half = MASK & (np.arange(SHAPE[0])[:, None, None] < 24)
    (one,) = measure(replace(PAIR, mask=half), ["ciede2000_organs"])
    assert one.value == organs[0].ciede2000  # the second lies outside the mask
    with pytest.raises(UsageError, match="no labels"):
        measure(replace(PAIR, labels=None), ["ciede2000_organs"])


def test_energies_around_the_mask() -> None:
    values = np.where(MASK, DRAW.random(SHAPE), 0.02)
    pair = ImagePair(values, values, 1.0, "FA", (2.0, 2.0, 2.0), mask=MASK)
    outside, ring = measure(pair, ["outside_energy", "ring_energy"])
    assert outside.value == energy.outside_energy(values, MASK) > 0
    assert ring.value == energy.ring_energy(values, MASK, spacing_mm=(2.0, 2.0, 2.0)) > 0
    assert outside.protocol.text().startswith("around the evaluation mask; 3D")
    with pytest.raises(UsageError, match="no mask"):
        measure(replace(pair, mask=None), ["ring_energy"])


def test_metrics_apply_to_what_a_pair_has() -> None:
    named = set(applicable(PAIR))
    assert {"stsim2", "fsim", "fsim_source", "ciede2000_organs"} <= named
    assert not {"outside_energy", "lattice_excess"} & named
    bare = set(applicable(replace(PAIR, source=None, labels=None, mask=MASK)))
    assert {"stsim2", "ring_energy"} <= bare
    assert not {"stsim2_source", "delta_cf_organs"} & bare


def test_every_name_is_there_once_and_every_metric_is_measured_somewhere() -> None:
    records = registry.metrics()
    assert len({metric.name for metric in records}) == len(records)
    for metric in records:
        has_function = metric.in_3d is not None or metric.in_2d is not None
        assert has_function == (metric.learned is None), metric.name
        assert bool(metric.dims) == (metric.learned != "split"), metric.name


def test_the_order_of_tables_is_kept() -> None:
    first = "mae mse nmse psnr ssim ms_ssim stsim1 stsim2 fsim fsim_colour ssim_source ms_ssim_source stsim1_source"
    assert registry.names()[: len(first.split())] == tuple(first.split())
    assert {"delta_cf", "ring_energy"} <= set(registry.names())
    assert "lattice_excess" not in registry.names()
    assert registry.learned_names() == ("lpips", "lpips_vgg", "fid", "kid", "dice", "hd95")


def test_directions_are_known() -> None:
    higher = {"psnr", "ssim", "ms_ssim", "stsim1", "stsim2", "fsim", "dice", "fsim_source"}
    lower = {"mae", "mse", "nmse", "delta_cf", "ciede2000_organs", "gradient_error", "lpips", "hd95", "fid"}
    assert all(registry.higher_is_better(name) for name in higher)
    assert not any(registry.higher_is_better(name) for name in lower)
    assert registry.is_ranked("mae")
    assert not registry.is_ranked("lattice_excess")  # its best value is 0, from either side
    assert not registry.is_ranked("nothing")


def test_better_follows_the_metric() -> None:
    assert registry.is_improvement("mae", 1.0, None)
    assert registry.is_improvement("mae", 1.0, 2.0)
    assert not registry.is_improvement("mae", 2.0, 2.0)
    assert registry.is_improvement("ssim", 0.9, 0.8)
    assert not registry.is_improvement("ssim", 0.7, 0.8)
    assert not registry.is_improvement("ssim", float("nan"), None)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UsageError, match="the metric nothing; expected mae, mse") as caught:
        registry.find("nothing")
    assert caught.value.code == "E002"


def test_needs_are_asked_of_several_metrics() -> None:
    assert registry.any_needs(["mae", "stsim2_source"], "source")
    assert not registry.any_needs(["mae", "stsim2_source"], "labels")
