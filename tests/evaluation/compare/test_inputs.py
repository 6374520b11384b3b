"""The metric, the patients and the reference row are those that were asked for, or those that follow from the figures."""

from __future__ import annotations

from typing import Any

import pytest

from transmodal.errors import InputError, UsageError
from transmodal.evaluation.compare.compare import compare

Maker = Any


def test_the_direction_of_the_metric_decides_who_is_best(make: Maker) -> None:
    runs = make.pair()
    assert compare(runs, metric="psnr").reference == "unet"
    flipped = make(
        "flipped",
        {"worst": [value / 2 for value in make.bad]},
        {"worst": make.record(recipe_sha256="c" * 64)},
    )
    assert compare([*runs, flipped]).reference == "worst"


def test_a_patient_whose_figure_is_infinite_is_left_out_of_every_row(make: Maker) -> None:
    runs = [
        make("a", {"a": [0.0, *make.good[1:]]}, {"a": make.record()}),
        make("b", {"b": make.bad}, {"b": make.record(recipe_sha256="b" * 64)}),
    ]
    comparison = compare(runs, metric="psnr")
    assert comparison.patients == tuple(f"patient-{n}" for n in range(1, 8))
    assert any("not finite in some row: patient-0" in note for note in comparison.notes)
    identical = make("c", {"c": [0.0] * 8}, {"c": make.record(recipe_sha256="c" * 64)})
    with pytest.raises(InputError, match="no patient with a finite psnr") as caught:
        compare([*runs, identical], metric="psnr")
    assert caught.value.code == "E132"


def test_metrics_are_the_recipes_own_or_chosen(make: Maker) -> None:
    one = make("one", {"a": make.good}, {"a": make.record()})
    psnr: dict[str, Any] = {"best": {"metric": "psnr", "value": 1.0}, "recipe_sha256": "b" * 64}
    other = make("two", {"b": make.bad}, {"b": make.record(**psnr)})
    assert compare([other]).primary.metric == "psnr"
    with pytest.raises(UsageError, match="a is judged by mae; the recipe of b is judged by psnr"):
        compare([one, other])
    assert compare([one, other], metric="psnr-3d").primary.metric == "psnr"
    with pytest.raises(UsageError, match="the metric fid; expected mae, psnr") as caught:
        compare([one], metric="fid")
    assert caught.value.code == "E002"
