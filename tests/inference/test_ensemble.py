"""Several runs as one: their mean and where they disagree, the worst of what the gate said, and runs that do not fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from stand_ins import StandIn
from transmodal.checkpoint import Fingerprint
from transmodal.errors import UsageError
from transmodal.inference import ensemble
from transmodal.inference.ensemble import Ensemble, as_loaded, members_of
from transmodal.inference.model import Model
from transmodal.inference.preprocessing import Preprocessing
from transmodal.recipes.schema import Recipe
from transmodal.translators._base import TranslatorConfig
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec, fit
from transmodal.volumes.windows.cut import Cutting

SHAPE = (5, 4, 3)


class Constant(StandIn):
    """Answers one value everywhere."""

    output_range = "signed"
    value = 0.0

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        return torch.full((len(source), 1, *source.shape[2:]), self.value)


def model(value: float, **changes: Any) -> Model:  # noqa: ANN401  # of its preprocessing
    """Return a run that answers a value of 0 to 1, or of 0 to 100 HU where the target is CT."""
    target = changes.get("target", "fa")
    window = IntensitySpec("window", 0.0, 1.0 if target == "fa" else 100.0)
    recipe = Recipe.model_validate(
        {
            "name": f"constant-{value}",
            "translator": "unet_regression",
            "task": {"source": ["t1"], "target": target},
            "training": {"epochs": 1, "batch": 1, "players": {}},
        }
    )
    settings: dict[str, Any] = {
        "sources": ("t1",),
        "target": target,
        "spacing_mm": None,
        "region": "whole",
        "specs": {"t1": IntensitySpec("minmax")},
        "cutting": Cutting("slice"),
        "axes": (2,),
        "fuse": "mean",
        "batch": 4,
        "target_map": fit(window, np.zeros((1, 1, 1))),
    }
    translator = Constant(TranslatorConfig(source_channels=(1,), target_channels=1)).eval()
    translator.value = 2 * value - 1
    digest = f"{value}"
    return Model(
        translator,
        recipe,
        Preprocessing(**{**settings, **changes}),
        digest,
        {"seed": 1},
        torch.device("cpu"),
        fingerprint=Fingerprint("best", f"manifest-{digest}", {}),
    )


def source() -> Volume:
    return Volume(np.random.default_rng(1).random(SHAPE, dtype=np.float32), np.diag([2.0, 2.0, 3.0, 1.0]))


@pytest.mark.parametrize(("how", "value"), [("mean", 0.5), ("median", 0.3)])
def test_volumes_become_one_and_their_spread_is_over_the_runs(how: str, value: float) -> None:
    runs = [model(0.2), model(0.3), model(1.0)]
    several = Ensemble.of(runs, "mean" if how == "mean" else "median")
    steps: list[tuple[int, int]] = []
    made = several.translate(source(), advance=lambda n, total: steps.append((n, total)))
    np.testing.assert_allclose(made.volume.voxels, value, rtol=1e-6)
    assert made.volume.grid.same_as(source().grid)
    assert made.disagreement is not None
    np.testing.assert_allclose(made.disagreement.voxels, np.std([0.2, 0.3, 1.0]), rtol=1e-5)
    assert steps[-1] == (9, 9)
    assert steps == sorted(steps)


def test_the_record_names_every_run_and_is_told_again() -> None:
    several = Ensemble.of([model(0.2), model(0.3).with_axes(("x", "z"))])
    record = several.translate(source(), gate="off").record
    runs = record["ensemble"]["runs"]
    assert [run["checkpoint"]["manifest_sha256"] for run in runs] == ["manifest-0.2", "manifest-0.3"]
    assert [run["passes"]["axes"] for run in runs] == [["z"], ["x", "z"]]
    assert record["checkpoint"] == runs[0]["checkpoint"]
    assert record["gate"]["outcome"] == "not checked"
    assert "the mean of 2 runs" in record["notes"]
    assert ensemble.recorded_identity(record) == ensemble.identity(several)
    assert ensemble.identity(replace(several, combine="median")) != ensemble.identity(several)
    assert ensemble.recorded_identity({}) is None is ensemble.identity(several.members[0])


def test_whole_values_are_rounded_once_after_they_are_combined() -> None:
    """Each run's HU alone would be 20 and 21 after rounding, whose mean rounds to 20; the mean of 20.4 and 20.8 is 21."""
    runs = [model(0.204, target="ct"), model(0.208, target="ct")]
    made = Ensemble.of(runs).translate(source(), gate="off")
    assert made.volume.voxels.dtype == np.int16
    assert np.unique(made.volume.voxels).tolist() == [21]
    assert runs[0].translate(source(), gate="off", as_stored=False).volume.voxels.dtype == np.float32


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target": "ct"}, "another target: fa and ct"),
        ({"spacing_mm": 2.0}, "another grid: the source's and 2 mm"),
        ({"region": "body"}, "another region: whole and body"),
        ({"sources": ("t2",), "specs": {"t2": IntensitySpec("minmax")}}, "another sources: t1 and t2"),
        ({"units": {"fa": "thousandths"}}, "another unit: its own and thousandths"),
        (
            {"target_map": fit(IntensitySpec("window", 0.0, 2.0), np.zeros((1, 1, 1)))},
            "another intensity: window, scale 2,",
        ),
    ],
)
def test_runs_of_different_things_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        Ensemble.of([model(0.2), model(0.3, **changes)])
    assert caught.value.code == "E004"


def test_one_run_is_no_ensemble_and_none_counts_twice() -> None:
    alone = model(0.2)
    assert as_loaded([alone]) is alone
    assert members_of(alone) == (alone,)
    with pytest.raises(UsageError, match="--combine median of one run"):
        as_loaded([alone], "median")
    with pytest.raises(UsageError, match="an ensemble of 1 run"):
        Ensemble.of([alone])
    with pytest.raises(UsageError, match=r"weights of constant-0\.2 twice"):
        as_loaded([model(0.3), alone, alone])
    several = as_loaded([alone, model(0.3)])
    assert isinstance(several, Ensemble)
    assert several.combine == "mean"
    assert several.digest != Ensemble.of([model(0.3), alone]).digest
    largest = max(member.estimate({"t1": source()}).more for member in several.members)
    assert several.estimate({"t1": source()}).more == largest
