"""The record of a translation says where the output's grid is not its resolution, and what was missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from transmodal.checkpoint import Fingerprint
from transmodal.inference import engines
from transmodal.inference.preprocessing import Preprocessing, preprocess
from transmodal.inference.provenance import environment
from transmodal.inference.record import _resolution, describe
from transmodal.notice import INTENDED_USE
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec, fit
from transmodal.volumes.windows.cut import Cutting

WINDOW = IntensitySpec("window", 0.0, 1.0)


def no_parameters() -> Iterator[torch.nn.Parameter]:
    return iter(())


def recipe_of(axes: tuple[str, ...]) -> Any:  # noqa: ANN401  # a fake
    training = SimpleNamespace(augment=SimpleNamespace(flip_lr=False))
    return SimpleNamespace(name="r", translator="unet", windows=SimpleNamespace(axes=axes), training=training)


def model_of(**changes: Any) -> Any:  # noqa: ANN401  # a fake
    preprocessing = Preprocessing(
        ("t1", "t2"), "fa", None, "whole", dict.fromkeys(("t1", "t2"), WINDOW), Cutting("slice"), (2,), "mean", 4,
        fit(WINDOW, np.zeros((1, 1, 1))), accepts_missing=True,
    )  # fmt: skip
    settings: dict[str, Any] = {
        "preprocessing": preprocessing,
        "translator": SimpleNamespace(translates_with=lambda: None, frozen=dict, parameters=no_parameters),
        "device": torch.device("cpu"),
        "fingerprint": None,
        "recipe": recipe_of(axes=("z",)),
        "digest": "d" * 64,
        "provenance": {"epochs": 3},
        "engine_name": engines.DEFAULT,
        "has_axes": True,
        "exceeds_training_window": lambda shape: False,
    }
    return SimpleNamespace(**{**settings, **changes})


def described(model: Any, spacing: float = 1.0) -> dict[str, Any]:  # noqa: ANN401  # a fake
    sources = {"t1": Volume(np.zeros((7, 6, 5), np.float32), np.diag([spacing, spacing, spacing, 1.0]))}
    return describe(model, sources, preprocess(model.preprocessing, sources), sources["t1"].grid)


def test_what_was_used_and_what_was_missing_is_said() -> None:
    record = described(model_of())
    assert record["synthetic"] is True
    assert record["intended_use"] == INTENDED_USE
    assert record["checkpoint"] == {"weights_sha256": "d" * 64, "epochs": 3}
    assert list(record["sources"]) == ["t1"]
    assert record["missing_sources"] == ["t2"]
    assert record["notes"] == ["synthesised without t2: the case has none"]
    assert record["output_grid"]["shape"] == [7, 6, 5]
    assert "engine" not in record
    assert record["environment"] == environment.describe(torch.nn.Module(), torch.device("cpu"))
    assert set(record["sources"]["t1"]) >= {"voxels_sha256", "affine_sha256"}


def test_the_manifest_of_the_checkpoint_stands_beside_its_weights() -> None:
    fingerprint = Fingerprint("last", "m" * 64, {"target_map": "0" * 16})
    assert described(model_of(fingerprint=fingerprint))["checkpoint"] == {
        "name": "last",
        "manifest_sha256": "m" * 64,
        "manifest_parts": {"target_map": "0" * 16},
        "weights_sha256": "d" * 64,
        "epochs": 3,
    }


@pytest.mark.parametrize(
    ("spacing", "said"), [(3.0, "coarser than the recipe's 2 mm"), (1.0, "not its resolution")]
)
def test_a_grid_that_is_not_the_resolution_is_named(spacing: float, said: str) -> None:
    model = model_of()
    model.preprocessing = replace(model.preprocessing, spacing_mm=2.0)
    assert said in described(model, spacing)["notes"][-1]


def test_a_source_that_is_coarser_along_some_axes_alone_is_not_called_coarse() -> None:
    assert _resolution(2.0, (1.9, 1.9, 2.2))[0].startswith(
        "the source's spacing 1.9 x 1.9 x 2.2 mm is coarser along an axis than the recipe's 2 mm"
    )


def test_random_weights_other_axes_and_large_slices_are_named() -> None:
    frozen = SimpleNamespace(digest=lambda: "random:1")
    notes = described(
        model_of(
            translator=SimpleNamespace(
                translates_with=lambda: "running", frozen=lambda: {"vgg": frozen}, parameters=no_parameters
            ),
            recipe=recipe_of(axes=("x",)),
            exceeds_training_window=lambda shape: True,
        )
    )["notes"]
    assert notes[1] == "vgg has random weights: this shows the plumbing only"
    assert "7 x 6 x 5 voxels are larger" in notes[2]
    assert notes[3].startswith("slices along z: the run learned from slices along x alone")
