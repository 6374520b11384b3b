"""The words of a card: units, starting weights and their licences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from transmodal.checkpoint import Checkpoint, CohortMark, State
from transmodal.exporting import card_text
from transmodal.notice import IMPORTED
from transmodal.recipes.load import validate
from transmodal.volumes.intensity import IntensitySpec, fit

RECIPE = {
    "name": "tiny",
    "translator": "unet_regression",
    "paper": "Nobody 2024",
    "task": {"source": ["t1", "t2"], "target": "ct"},
    "windows": {"kind": "patch", "size": [8, 8, 8]},
    "data": {"spacing_mm": 1.5},
    "training": {"epochs": 2, "batch": 4},
}
SAVED = Checkpoint(
    recipe=validate(RECIPE, "tiny"),
    translator_config={},
    target_map=fit(IntensitySpec("window", -1000, 2000), np.zeros((1, 1, 1))),
    sources={"t1": IntensitySpec("zscore"), "t2": IntensitySpec("percentile", 1, 99)},
    cohort=CohortMark("heads", "ab12", ("one", "two")),
    state=State(phase="train", epoch=2, best=41.26, step=9),
    weights={"a": torch.zeros(1)},
)


def test_what_the_checkpoint_says_stands_there() -> None:
    text = card_text.write(SAVED, [], {})
    for part in (
        "Translates T1 and T2 to CT (HU)",
        "after Nobody 2024",
        "3D patches, of 8 x 8 x 8",
        "learned from 2 patients",
        "spacing 1.5 mm",
        "T1: intensities by zscore.",
        "percentile from 1 to 99",
        "41.26, after 2 epochs",
    ):
        assert part in text
    assert "one by one" not in text
    assert "reference units" not in text
    unknown = replace(SAVED, cohort=CohortMark("heads", "ab12"), units={"ct": "grey level"})
    assert "CT (grey level)" in card_text.write(unknown, [], {})
    assert "number is not recorded" in card_text.write(unknown, [], {})


def test_starting_weights_are_named_with_their_licence() -> None:
    starting = {
        "vgg": {"sha256": "f" * 64, "published": "vgg19.pth of example.org (CC BY-NC)"},
        "vit": {"sha256": "from scratch", "published": "vit.npz of example.org (MIT)"},
    }
    text = card_text.write(SAVED, [], starting)
    assert f"vgg started from weights of SHA-256 `{'f' * 16}`" in text
    assert "- vgg: vgg19.pth of example.org (CC BY-NC)." in text
    assert "vit started from scratch" in text
    assert "vit.npz" not in text


def test_the_card_of_an_imported_network_claims_nothing_that_is_not_recorded() -> None:
    imported = replace(SAVED, state=State(phase="train"), starting_weights={IMPORTED: "f" * 64})
    text = card_text.write(imported, [], {})
    for claim in (
        "validation figure above",
        "compares each source",
        "figures above hold",
        "learned from `heads`",
    ):
        assert claim not in text
    assert "cannot compare a source with them" in text
    assert "Weights: a file of another program" in text
    assert "validation figure above" in card_text.write(SAVED, [], {})
