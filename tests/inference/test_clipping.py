"""Synthetic values stay within what the target's modality can be, in files and where figures are taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from stand_ins import StandIn
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.participants import ModelTranslator, Participants
from transmodal.evaluation.result import EvaluationTask
from transmodal.inference.model import Model
from transmodal.inference.preprocessing import Preprocessing
from transmodal.recipes.schema import Recipe
from transmodal.translators._base import TranslatorConfig
from transmodal.volumes import Volume, io
from transmodal.volumes.intensity import IntensitySpec, fit
from transmodal.volumes.windows.cut import Cutting

HU = IntensitySpec("window", -1024.0, 3000.0)


class Overshooting(StandIn):
    """A network with a linear last layer: it goes a tenth beyond what its targets had."""

    output_range = "free"

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        return 1.1 * source.expand(-1, self.config.target_channels, *source.shape[2:])


def model(target: str, spec: IntensitySpec, axes: tuple[int, ...] = (2,), least: float = 0.0) -> Model:
    recipe = Recipe.model_validate(
        {
            "name": "overshooting",
            "translator": "unet_regression",
            "task": {"source": ["mr"], "target": target},
            "training": {"epochs": 1, "batch": 1, "players": {}},
        }
    )
    preprocessing = Preprocessing(
        sources=("mr",),
        target=target,
        spacing_mm=None,
        region="whole",
        specs={"mr": IntensitySpec("window", 0.0, 100.0)},
        cutting=Cutting("slice"),
        axes=axes,
        fuse="mean",
        batch=4,
        target_map=fit(spec, np.linspace(least, 200, 27).reshape(3, 3, 3), range="free"),
    )
    config = TranslatorConfig(target_channels=3 if target == "colour" else 1)
    return Model(Overshooting(config).eval(), recipe, preprocessing, "0" * 64, {}, torch.device("cpu"))


def source() -> Volume:
    """A ramp of 0 to 100: one voxel in 20 at each end is overshot."""
    ramp = np.linspace(0, 100, 280, dtype=np.float32)
    return Volume(np.random.default_rng(0).permutation(ramp).reshape(7, 8, 5), np.eye(4))


@pytest.mark.parametrize(
    ("target", "spec", "ends", "excess"),
    [
        ("ct", HU, [-1024.0, 3000.0], 201.2),
        ("fa", IntensitySpec("window", 0.0, 1.0), [0.0, 1.0], 0.05),
        ("colour", IntensitySpec("window", 0.0, 255.0), [0.0, 255.0], 12.75),
        ("t2", IntensitySpec("percentile", 0.0, 100.0), [0.0, None], 10.0),
    ],
)
def test_translated_volumes_are_clipped_and_the_record_counts_it(
    target: str, spec: IntensitySpec, ends: list[float | None], excess: float
) -> None:
    translation = model(target, spec).translate(source())
    low, high = ends
    voxels = translation.volume.voxels
    assert voxels.min() == low
    assert high is None or voxels.max() == high
    said = translation.record["values"]
    assert said["range"] == ends
    # 1.1 x lies outside [-1, 1] for the 4.5 % of a ramp at each end.
    assert said["clipped"]["voxels"] == (26 if high is not None else 13)
    assert said["clipped"]["largest_excess"] == pytest.approx(excess, rel=1e-4)


def test_nothing_is_clipped_where_a_contrast_has_negative_values() -> None:
    translation = model("t2", IntensitySpec("percentile"), least=-200.0).translate(source())
    assert translation.volume.voxels.min() < 0
    assert translation.record["values"] == {
        "range": [None, None],
        "clipped": {"voxels": 0, "largest_excess": 0.0},
    }


def test_the_disagreement_is_of_values_before_clipping() -> None:
    """Passes over two axes agree here, also where both overshoot; their fusion is what is clipped."""
    translation = model("fa", IntensitySpec("window", 0.0, 1.0), axes=(0, 2)).translate(source())
    assert translation.disagreement is not None
    assert float(translation.disagreement.voxels.max()) < 1e-6
    assert translation.record["values"]["clipped"]["voxels"] == 26


def test_evaluation_scores_what_translate_writes_and_says_what_was_clipped(tmp_path: Path) -> None:
    io.write(source(), tmp_path / "mr.nii.gz")
    target = source().with_voxels(np.linspace(0, 1, 280, dtype=np.float32).reshape(7, 8, 5))
    io.write(target, tmp_path / "fa.nii.gz")
    trained = model("fa", IntensitySpec("window", 0.0, 1.0))
    cohort = prepare(
        [CaseFiles("a", "a", {"mr": tmp_path / "mr.nii.gz", "fa": tmp_path / "fa.nii.gz"})],
        tmp_path / "cohort",
        PrepareOptions(ratios=(1, 0, 0), intensity={"mr": trained.preprocessing.specs["mr"]}),
    )
    case = cohort.case("a")
    written = trained.translate(io.read(tmp_path / "mr.nii.gz"))
    entrant = ModelTranslator("overshooting", trained)
    scored = entrant.with_disagreement(case)
    np.testing.assert_array_equal(scored.volume.voxels, written.volume.voxels)
    assert scored.clipped._asdict() == written.record["values"]["clipped"]
    task = EvaluationTask(("mr",), "fa", 1.0, "mine", "d" * 64, "train")
    evaluation = evaluate_cases(Participants([entrant], [], {entrant.name: entrant.record()}), [case], task)
    assert evaluation.task.notes == (
        "overshooting: 26 voxels in 1 of 1 case lay outside the target's range, by up to 0.05 FA, and were clipped "
        "to it before scoring, as translate does.",
    )
    assert evaluation.provenance()["models"]["overshooting"]["synthetic_range"] == [0.0, 1.0]
