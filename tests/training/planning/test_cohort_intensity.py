from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.request import EvaluationRequest, ScoringOptions
from transmodal.evaluation.run import evaluate
from transmodal.inference.load import load
from transmodal.recipes.load import dump
from transmodal.recipes.load import load as load_recipe
from transmodal.recipes.schema import Recipe
from transmodal.training.planning.plan import plan
from transmodal.training.train import train
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec

Tiny = Callable[..., Recipe]
Phantom = Callable[[int], CaseMaker]
GREY = IntensitySpec("window", 0.0, 255.0)
TO_CT = {"task": {"source": ["t1"], "target": "ct"}}


@dataclass(frozen=True)
class WithCt:
    """A phantom with CT made of its T1: in HU, or as 8-bit grey levels of the same window."""

    maker: CaseMaker
    bits: int

    @property
    def id(self) -> str:
        return self.maker.id

    @property
    def patient(self) -> str:
        return self.maker.patient

    def fingerprint(self) -> str:
        return f"{self.maker.fingerprint()} {self.bits}"

    def load(self) -> Case:
        case = self.maker.load()
        t1 = case.volumes["t1"]
        levels = np.clip(t1.voxels / 4, 0, 255).astype(np.uint8)
        voxels: Any = levels if self.bits == 8 else (8 * levels.astype(np.int16) - 1024)
        return replace(case, volumes={"t1": t1, "ct": Volume(voxels, t1.affine)})


def make(phantom: Phantom, folder: Path, bits: int = 8, spec: IntensitySpec | None = GREY) -> Cohort:
    options = PrepareOptions(counts=(3, 2, 1), intensity={} if spec is None else {"ct": spec})
    return prepare([WithCt(phantom(n), bits) for n in range(6)], folder, options)


def weights(run: Path) -> str:
    return hashlib.sha256((run / "checkpoints/last/weights.safetensors").read_bytes()).hexdigest()


def test_the_cohorts_map_is_trained_with(phantom: Phantom, tiny: Tiny, tmp_path: Path) -> None:
    wide = IntensitySpec("window", -1024.0, 1024.0)
    plain = make(phantom, tmp_path / "plain", 16, None)
    mapped = make(phantom, tmp_path / "mapped", 16, wide)
    recipe = tiny(epochs=1, changes=TO_CT)
    for name, cohort in (("plain", plain), ("mapped", mapped)):
        train(recipe, cohort, tmp_path / "runs" / name)
    assert weights(tmp_path / "runs" / "plain") != weights(tmp_path / "runs" / "mapped")
    record = json.loads((tmp_path / "runs" / "mapped" / "run.json").read_text())
    assert record["plan"]["target_map"]["low"] == -1024
    assert record["plan"]["target_map"]["high"] == 1024
    model = load(tmp_path / "runs" / "mapped")
    assert model.preprocessing.target_map.high == 1024
    assert model.recipe.data.intensity["ct"].spec() == wide
    assert load(tmp_path / "runs" / "plain").preprocessing.target_map.high == 3000
    # The run goes on and is evaluated by the same recipe.
    assert train(recipe, mapped, tmp_path / "runs" / "mapped").was_finished


def test_a_recipe_that_says_the_same_gives_the_same_weights(
    phantom: Phantom, tiny: Tiny, tmp_path: Path
) -> None:
    cohort = make(phantom, tmp_path / "cohort")
    said = {"data": {"intensity": {"ct": {"method": "window", "low": 0, "high": 255}}}, **TO_CT}
    train(tiny(epochs=1, changes=TO_CT), cohort, tmp_path / "a")
    train(tiny(epochs=1, changes=said), cohort, tmp_path / "b")
    assert weights(tmp_path / "a") == weights(tmp_path / "b")


def test_another_map_in_the_recipe_is_refused_and_every_remedy_works(
    phantom: Phantom, tiny: Tiny, tmp_path: Path
) -> None:
    cohort = make(phantom, tmp_path / "cohort", 16, IntensitySpec("window", -1000.0, 2000.0))
    other = {"data": {"intensity": {"ct": {"method": "minmax"}}}, **TO_CT}
    recipe = tiny(changes=other)
    with pytest.raises(UsageError) as caught:
        plan(recipe, cohort)
    error = caught.value
    assert error.code == "E004"
    assert "data.intensity.ct is minmax in the recipe, and window -1000 to 2000 in the cohort" in error.got
    (change,) = re.findall(r"--set '([^']*)'", error.remedy)

    path = tmp_path / "mine.yaml"
    path.write_text(dump(recipe))
    assert plan(load_recipe(str(path), [change]), cohort).preprocessing.target_map.high == 2000
    (word,) = re.findall(r"--intensity (\S+)\.", error.remedy)
    assert word == "ct=minmax"
    assert (
        plan(recipe, make(phantom, tmp_path / "again", 16, IntensitySpec("minmax"))).preprocessing.target
        == "ct"
    )


def test_grey_levels_are_no_hounsfield_units(phantom: Phantom, tiny: Tiny, tmp_path: Path) -> None:
    """Without the map in use a hardly trained model of 8-bit pictures would have 4024 HU as its range."""
    cohort = make(phantom, tmp_path / "cohort")
    run = tmp_path / "run"
    train(tiny(epochs=1, changes=TO_CT), cohort, run)
    evaluation = evaluate({"model": run}, cohort, output=tmp_path / "evaluation")
    assert (evaluation.task.unit, evaluation.task.data_range) == ("grey level", 255.0)
    protocols = {row.metric: row.protocol.text() for row in evaluation.rows}
    assert "data range 255 grey level" in protocols["psnr"]
    assert "counted from" not in protocols["ssim"]
    assert evaluation.regions == ()
    assert "HU" not in (tmp_path / "evaluation" / "evaluation.md").read_text()
    case = cohort.cases("test")[0]
    translation = load(run).translate(case.volume("t1"))
    assert translation.volume.voxels.dtype == np.float32
    assert translation.record["unit"] == "grey level"


def test_a_run_is_not_scored_in_another_unit(phantom: Phantom, tiny: Tiny, tmp_path: Path) -> None:
    own = make(phantom, tmp_path / "own", 16, None)
    train(tiny(epochs=1, changes=TO_CT), own, tmp_path / "run")
    with pytest.raises(InputError, match="ct in grey level in cohort grey") as caught:
        evaluate(
            {"model": tmp_path / "run"},
            make(phantom, tmp_path / "grey"),
            EvaluationRequest(scoring=ScoringOptions(oracles=())),
        )
    assert caught.value.code == "E136"


def test_the_range_is_the_width_of_the_map_in_use(phantom: Phantom, tiny: Tiny, tmp_path: Path) -> None:
    narrow = {"data": {"intensity": {"ct": {"method": "window", "low": -1000, "high": 2000}}}, **TO_CT}
    cohort = make(phantom, tmp_path / "cohort", 16, None)
    train(tiny(epochs=1, changes=narrow), cohort, tmp_path / "run")
    evaluation = evaluate(
        {"model": tmp_path / "run"}, cohort, EvaluationRequest(scoring=ScoringOptions(oracles=()))
    )
    assert evaluation.task.data_range == 3000
    assert evaluation.task.unit == "HU"
    assert {one.region for one in evaluation.regions} == {"air", "soft tissue", "bone"}
