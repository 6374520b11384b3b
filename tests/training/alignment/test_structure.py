"""The structure term: it helps where targets were shifted, and goes to those who made the image alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch

from transmodal.errors import UsageError
from transmodal.recipes.alignment_schema import StructureSettings
from transmodal.testing.batches import batch_for, build
from transmodal.training.alignment.structure import TERM, StructureTerm, sources_of
from transmodal.translators._base import TranslatorConfig

PIX2PIX = {"width": 2, "levels": 4, "discriminator_layers": 1}


def test_it_helps_where_targets_were_shifted(
    error_of: Callable[[int, Mapping[str, Any] | None], float],
) -> None:
    plain, held = (error_of(2, alignment) for alignment in (None, {"structure": {}}))
    assert held < 0.8 * plain


def test_it_goes_to_the_generator_with_its_weight() -> None:
    translator = build("pix2pix", PIX2PIX).train()
    batch = batch_for(translator)
    outputs = translator.synthesise(batch)
    light, heavy = StructureTerm(StructureSettings(weight=1)), StructureTerm(StructureSettings(weight=3))
    assert light.terms(translator, "discriminator", batch, outputs) == {}
    one, three = (term.terms(translator, "generator", batch, outputs)[TERM] for term in (light, heavy))
    assert three.detach() == pytest.approx(3 * one.detach())
    one.backward()
    assert any(parameter.grad is not None for parameter in translator.parameters())


def test_nothing_is_added_in_a_phase_that_translates_nothing() -> None:
    translator = build("pix2pix", PIX2PIX)
    translator.preparatory = frozenset({"train"})
    batch = batch_for(translator)
    assert (
        StructureTerm(StructureSettings()).terms(translator, "generator", batch, translator.synthesise(batch))
        == {}
    )


def test_outputs_without_an_image_are_refused() -> None:
    translator = build("pix2pix", PIX2PIX)
    translator.trains_on_image = False
    batch = batch_for(translator)
    with pytest.raises(UsageError, match=r"structure=null") as caught:
        StructureTerm(StructureSettings()).terms(translator, "generator", batch, translator.synthesise(batch))
    assert caught.value.code == "E004"


def test_of_slabs_the_middle_slice_of_each_modality_is_compared() -> None:
    source = torch.arange(12.0).reshape(1, 12, 1, 1)
    grey, colour = sources_of(source, TranslatorConfig(source_channels=(1, 3), slab_depth=3))
    assert grey.flatten().tolist() == [1]
    assert colour.flatten().tolist() == [4, 7, 10]
