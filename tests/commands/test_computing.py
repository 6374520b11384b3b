"""Masks and intensity maps in words, and the masks that recipes need."""

from __future__ import annotations

import pytest

from transmodal.commands._computing import parse_intensities, parse_regions
from transmodal.errors import UsageError
from transmodal.recipes import load
from transmodal.volumes.intensity import IntensitySpec


def test_masks_are_named_by_modality_and_added_to_those_of_recipes() -> None:
    assert parse_regions(["t1=brain", "t2=body", "t1=body"], (), ()) == {
        "t1": ("brain", "body"),
        "t2": ("body",),
    }
    kind = load.load("t1-to-fa-small").data.region
    assert kind != "whole"
    assert parse_regions((), ["t1-to-fa-small"], ()) == {"t1": (kind,)}
    assert parse_regions([f"t1={kind}"], ["t1-to-fa-small"], ()) == {"t1": (kind,)}


def test_a_target_without_its_source_needs_a_mask_of_its_own() -> None:
    recipe = "t1-to-t2-cyclegan-small"
    kind = load.load(recipe).data.region
    assert kind != "whole"
    assert parse_regions((), [recipe], [("t1", "t2"), ("t1",)]) == {"t1": (kind,)}
    assert parse_regions((), [recipe], [("t1",), ("t2",)]) == {"t1": (kind,), "t2": (kind,)}


def test_a_recipe_finds_its_source_under_another_name() -> None:
    kind = load.load("mr-to-colour-small").data.region
    assert kind != "whole"
    assert parse_regions((), ["mr-to-colour-small"], [("mr", "colour")]) == {"mr": (kind,)}


def test_maps_are_named_by_modality() -> None:
    assert parse_intensities(["ct=window:-1000:2000", "t1=zscore"]) == {
        "ct": IntensitySpec("window", -1000, 2000),
        "t1": IntensitySpec("zscore"),
    }


@pytest.mark.parametrize("word", ["t1", "=brain", "t1=head", "t1="])
def test_other_masks_are_refused(word: str) -> None:
    with pytest.raises(UsageError, match=f"--region {word}") as refused:
        parse_regions([word], (), ())
    assert refused.value.code == "E001"


@pytest.mark.parametrize(
    "word", ["ct", "=zscore", "ct=window:1", "ct=window:a:b", "ct=window:2:1", "ct=nothing:0:1"]
)
def test_other_maps_are_refused(word: str) -> None:
    with pytest.raises(UsageError, match="intensity") as refused:
        parse_intensities([word])
    assert refused.value.code == "E001"
