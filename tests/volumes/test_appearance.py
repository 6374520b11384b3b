"""What an image looks like: tissue by ratios that gain and bias do not change, and what is no head."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from transmodal.volumes import Volume
from transmodal.volumes.appearance import measure_appearance
from transmodal.volumes.geometry.reorient import reorient

BrainOf = Callable[..., Volume]


def test_tissue_is_read_as_ratios_to_white_matter(brain_of: BrainOf) -> None:
    expected = {"t1": (0.75, 0.37), "t2": (1.33, 2.17), "flair": (1.14, 0.36), "pd": (1.12, 1.15)}
    for contrast, (grey, fluid) in expected.items():
        seen = measure_appearance(brain_of(contrast))
        assert seen is not None
        assert seen.tissue is not None
        assert seen.tissue.grey == pytest.approx(grey, rel=0.08)
        # Fluid lies in thin layers: at 4 mm it is mixed with the tissue beside it.
        assert abs(seen.tissue.fluid - fluid) < 0.4 * abs(1 - fluid) + 0.1
        assert seen.tissue.explained > 0.5
        assert seen.coverage > 0.8


def test_gain_bias_and_the_order_of_axes_change_no_ratio(brain_of: BrainOf) -> None:
    brain = brain_of("t1")
    plain = measure_appearance(brain)
    ramp = np.exp(np.linspace(-0.25, 0.25, brain.grid.shape[0]))[:, None, None]
    others = {
        "gain": brain.with_voxels(brain.voxels * 7),
        "bias": brain.with_voxels((brain.voxels * ramp).astype(np.float32)),
        "order": reorient(brain, "PIR"),
    }
    assert plain is not None
    assert plain.tissue is not None
    for other in others.values():
        seen = measure_appearance(other)
        assert seen is not None
        assert seen.tissue is not None
        assert seen.tissue.grey == pytest.approx(plain.tissue.grey, abs=0.03)
        assert seen.tissue.fluid == pytest.approx(plain.tissue.fluid, abs=0.06)


def test_noise_is_fine_and_heads_are_not(brain_of: BrainOf) -> None:
    brain = brain_of("t1")
    noise = brain.with_voxels(np.random.default_rng(0).random(brain.voxels.shape, np.float32))
    fine, coarse = measure_appearance(noise), measure_appearance(brain)
    assert fine is not None
    assert coarse is not None
    assert fine.detail > 0.5 > 10 * coarse.detail
    assert fine.fit < 0.3 < coarse.fit


@pytest.mark.parametrize("shape", [(20, 20, 20), (100, 100, 1)])
def test_small_and_thin_images_are_not_judged(shape: tuple[int, int, int]) -> None:
    voxels = np.random.default_rng(0).random(shape, np.float32)
    assert measure_appearance(Volume(voxels, np.eye(4))) is None


def test_an_even_image_is_not_judged() -> None:
    assert (
        measure_appearance(Volume(np.full((60, 60, 60), 3.0, np.float32), np.eye(4) * [2, 2, 2, 1])) is None
    )
