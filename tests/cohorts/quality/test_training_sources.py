"""The look of a training cohort: its contrast is known, and it goes through JSON."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from transmodal.cohorts.quality.training_sources import ModalityReference, SourceReference, build_reference
from transmodal.volumes import Volume
from transmodal.volumes.appearance import measure_appearance

BrainOf = Callable[..., Volume]


@pytest.fixture(scope="module")
def trained(brain_of: BrainOf) -> dict[str, ModalityReference]:
    volumes = {name: [brain_of(name, n) for n in range(3)] for name in ("t1", "t2")}
    return {
        name: build_reference(
            [measure_appearance(volume) for volume in own], [volume.grid for volume in own], in_unit=False
        )
        for name, own in volumes.items()
    }


def test_a_cohort_of_heads_knows_its_contrast(trained: dict[str, ModalityReference]) -> None:
    assert {name: (one.kind, one.contrast) for name, one in trained.items()} == {
        "t1": ("head", "t1"),
        "t2": ("head", "t2"),
    }


def test_a_reference_goes_through_json(trained: dict[str, ModalityReference]) -> None:
    reference = SourceReference(trained)
    again = SourceReference.from_json(json.loads(json.dumps(reference.to_json(), allow_nan=False)))
    assert again == reference
    assert SourceReference.from_json(None) is None
    assert SourceReference.from_json({"format": 99, "modalities": {}}) is None
