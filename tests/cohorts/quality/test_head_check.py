"""Heads compared with the heads of training, from figures alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from transmodal.cohorts.quality.head_check import head_findings
from transmodal.cohorts.quality.training_sources import ModalityReference, build_reference
from transmodal.volumes import Volume
from transmodal.volumes.appearance import Appearance, measure_appearance

BrainOf = Callable[..., Volume]


@pytest.fixture(scope="module")
def heads(brain_of: BrainOf) -> tuple[ModalityReference, Appearance]:
    """T1 of three subjects as training, and the appearance of a fourth."""
    volumes = [brain_of("t1", n) for n in range(3)]
    reference = build_reference(
        [measure_appearance(volume) for volume in volumes], [volume.grid for volume in volumes], in_unit=False
    )
    image = measure_appearance(brain_of("t1", 9))
    assert image is not None
    return reference, image


def changed(image: Appearance, **figures: float) -> Appearance:
    assert image.tissue is not None
    return image._replace(tissue=image.tissue._replace(**figures))


def test_a_head_as_in_training_passes(heads: tuple[ModalityReference, Appearance]) -> None:
    assert head_findings(*heads) == []


def test_no_head_is_refused_or_warned_of_by_how_badly_the_template_fits(
    heads: tuple[ModalityReference, Appearance],
) -> None:
    reference, image = heads
    for fit, outcome in ((0.0, "refuse"), (reference.figures["fit"].low, "warn")):
        (finding,) = head_findings(reference, image._replace(tissue=None, fit=fit))
        assert finding.outcome == outcome
        assert "no head lies in it as in training" in finding.text


@pytest.mark.parametrize(("air", "outcome"), [(0.8, "warn"), (1.6, "refuse")])
def test_bright_air_is_a_reversed_contrast(
    heads: tuple[ModalityReference, Appearance], air: float, outcome: str
) -> None:
    reference, image = heads
    (finding,) = head_findings(reference, changed(image, air=air))
    assert finding.outcome == outcome
    assert f"around the head it shows {air:.2f}" in finding.text


def test_another_contrast_is_named(heads: tuple[ModalityReference, Appearance]) -> None:
    reference, image = heads
    (finding,) = head_findings(reference, changed(image, grey=1.33, fluid=2.1))
    assert finding.outcome == "refuse"
    assert finding.text.endswith("it looks like T2")
    nameless = replace(reference, contrast="")
    assert head_findings(nameless, image) == []
