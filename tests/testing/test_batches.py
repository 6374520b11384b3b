"""Batches and variants that contracts try translators with."""

from __future__ import annotations

import pytest
import torch

from transmodal.errors import UsageError
from transmodal.testing.batches import (
    batch_for,
    build,
    refusal,
    select,
    translate_in_batches,
    usual_sides,
    variants,
)

TINY = {"width": 4, "levels": 2}
FLAT = {"width": 4, "levels": 3, "channels": 32, "heads": 2, "depths": (1, 1, 1), "grid": 2, "hidden": 16}
"""Of a translator that takes slices alone."""


def test_a_variant_for_each_phase_and_for_what_is_not_refused() -> None:
    plain, *further = variants("unet_regression", TINY)
    assert (plain.phase, plain.settings) == ("train", TINY)
    assert {"source_channels", "slab_depth", "spatial_dims"} == {
        key for case in further for key in case.settings if key not in (*TINY, "target_channels")
    }
    assert "spatial_dims" not in {key for case in variants("tcgan", FLAT) for key in case.settings}
    with pytest.raises(UsageError, match="no setting widht"):
        variants("unet_regression", {"widht": 4})


def test_a_batch_fits_its_translator_and_is_parted_into_samples() -> None:
    translator = build("unet_regression", {**TINY, "slab_depth": 3}).eval()
    batch = batch_for(translator, 3)
    assert batch.source.shape == (3, 3, *usual_sides(translator))
    assert torch.equal(batch.source, batch_for(translator, 3).source)
    assert refusal(translator, batch) is None
    sample = select(batch, 1)
    assert torch.equal(sample.source[0], batch.source[1])
    assert sample.draw is not None
    assert sample.draw.tolist() == [12]
    with torch.no_grad():
        whole, parts = (translate_in_batches(translator, batch, n) for n in (3, 2))
    torch.testing.assert_close(whole, parts, rtol=0, atol=1e-5)


def test_a_patch_is_large_enough_for_what_judges_it() -> None:
    settings = {"width": 2, "levels": 2, "spatial_dims": 3}
    judged = build("pix2pix", settings)
    assert usual_sides(judged) == [24, 28, 24]
    assert refusal(judged, batch_for(judged)) is None


def test_a_window_that_is_too_small_is_a_refusal() -> None:
    translator = build("unet_regression", TINY)
    refused = refusal(translator, batch_for(translator, 1, sides=[1, 1]))
    assert refused is not None
    assert refused.code == "E004"
