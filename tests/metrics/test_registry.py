from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.metrics.measure import fitting, take
from transmodal.metrics.pair import Scene
from transmodal.metrics.registry import SUITE, rows_of
from transmodal.metrics.slices import over_slices
from transmodal.metrics.suite import artefacts, colour, fsim, ms_ssim, ssim, stsim
from transmodal.metrics.table import HIGHER_IS_BETTER

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
SCENE = Scene(REFERENCE, SYNTHETIC, 255.0, "sRGB levels", (1.0, 1.0, 1.0), source=SOURCE, labels=LABELS)


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

    (figure,) = take(replace(SCENE, mask=mask), [name])
    wanted = over_slices(metric, grey(REFERENCE), grey(SYNTHETIC), axis=2, mask=mask).mean
    assert figure.value == pytest.approx(wanted, rel=1e-9)
    assert "grey is the mean of the three channels" in figure.protocol
    greys = replace(SCENE, reference=grey(REFERENCE), synthetic=grey(SYNTHETIC), mask=mask)
    (plain,) = take(greys, [name])
    assert plain.value == pytest.approx(wanted, rel=1e-9)
    assert "three channels" not in plain.protocol


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

    (figure,) = take(SCENE, [name])
    assert figure.value == over_slices(metric, SOURCE.astype(np.float64), grey(SYNTHETIC) / 255, axis=2).mean
    assert "data range 1; " in figure.protocol
    assert "against the source" in figure.protocol
    same = replace(SCENE, source=grey(SYNTHETIC) / 255)
    assert take(same, [name])[0].value == pytest.approx(1)
    with pytest.raises(UsageError, match="no source"):
        take(replace(SCENE, source=None), [name])
    greys = replace(SCENE, reference=grey(REFERENCE), synthetic=grey(SYNTHETIC))
    with pytest.raises(InputError, match=f"{name} of grey volumes"):
        take(greys, [name])


def test_colour_by_organ_counts_every_organ_once() -> None:
    figures = {one.metric: one for one in take(SCENE, ["ciede2000_organs", "delta_cf_organs"])}
    organs = colour.by_organ(REFERENCE, SYNTHETIC, LABELS, white=255.0)
    assert [one.label for one in organs] == [1, 4]
    assert figures["ciede2000_organs"].value == np.mean([one.ciede2000 for one in organs])
    assert figures["delta_cf_organs"].value == np.mean([one.delta_cf for one in organs])
    half = MASK & (np.arange(SHAPE[0])[:, None, None] < 24)
    (one,) = take(replace(SCENE, mask=half), ["ciede2000_organs"])
    assert one.value == organs[0].ciede2000  # the second lies outside the mask
    with pytest.raises(UsageError, match="no labels"):
        take(replace(SCENE, labels=None), ["ciede2000_organs"])


def test_energies_around_the_mask() -> None:
    values = np.where(MASK, DRAW.random(SHAPE), 0.02)
    scene = Scene(values, values, 1.0, "FA", (2.0, 2.0, 2.0), mask=MASK)
    outside, ring = take(scene, ["outside_energy", "ring_energy"])
    assert outside.value == artefacts.outside_energy(values, MASK) > 0
    assert ring.value == artefacts.ring_energy(values, MASK, spacing_mm=(2.0, 2.0, 2.0)) > 0
    assert outside.protocol.startswith("around the mask; 3D")
    with pytest.raises(UsageError, match="no mask"):
        take(replace(scene, mask=None), ["ring_energy"])


def test_a_scene_fits_what_it_has() -> None:
    named = set(fitting(SCENE))
    assert {"stsim2", "fsim", "fsim_source", "ciede2000_organs"} <= named
    assert not {"outside_energy", "lattice_excess"} & named
    bare = set(fitting(replace(SCENE, source=None, labels=None, mask=MASK)))
    assert {"stsim2", "ring_energy"} <= bare
    assert not {"stsim2_source", "delta_cf_organs"} & bare


def test_every_metric_with_a_better_end_has_a_direction() -> None:
    for one in SUITE:
        if one.best != "zero":
            assert HIGHER_IS_BETTER[one.name] == (one.best == "higher")
        assert {row.dims for row in rows_of(one.name, "grey" if one.kind == "any" else one.kind)} <= {2, 3}
