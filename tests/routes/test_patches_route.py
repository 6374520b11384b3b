"""Every translator of patches, found by itself: trained, interrupted, resumed, translated and scored by the verbs."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from phantoms import Phantom
from transmodal import cli, translators
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.errors import UsageError
from transmodal.nets.meta import shapes_alone
from transmodal.recipes.load import validate
from transmodal.training.train import train
from transmodal.translators._base import TranslatorConfig
from transmodal.volumes import io

SIDE = (
    24  # what a discriminator of three strided layers needs; larger than the phantoms, whose rest is padded
)


def tiny(name: str) -> dict[str, Any]:
    """Return `TINY` of a translator's own tests, without what follows from cohort and windows."""
    own = Path(__file__).parents[1] / "translators" / f"test_{name}.py"
    spec = importlib.util.spec_from_file_location(f"patches_of_{name}", own)
    assert spec is not None, name
    assert spec.loader is not None, name
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    derived = set(TranslatorConfig.model_fields) - {"width"}
    return {key: value for key, value in module.TINY.items() if key not in derived}


def takes_patches(name: str) -> bool:
    try:
        with shapes_alone():
            translators.build(name, {**tiny(name), "spatial_dims": 3})
    except UsageError as refused:
        if refused.code != "E004":
            raise
        return False
    return True


NAMES = [name for name in translators.own_names() if takes_patches(name)]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """The same numbers need the same number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    folder = tmp_path_factory.mktemp("cohort")
    return prepare([Phantom(n) for n in range(4)], folder, PrepareOptions(counts=(2, 1, 1)))


class Interruption:
    """Progress that breaks off a training at a step."""

    def advance(self, what: str, done: int, total: int, note: str = "") -> None:
        if what == "train" and done == 3:
            raise RuntimeError("broken off")

    def say(self, line: str) -> None:
        """Say nothing."""


def test_there_are_some() -> None:
    assert {"agi_net", "cyclegan", "macro2micro", "pix2pix", "unet_regression"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_patches_go_the_ordinary_route(name: str, cohort: Cohort, tmp_path: Path) -> None:
    recipe = validate(
        {
            "name": "tiny",
            "translator": name,
            "task": {"source": ["t1"], "target": "fa"},
            "windows": {"kind": "patch", "size": [SIDE, SIDE, SIDE]},
            "settings": tiny(name),
            "training": {
                "epochs": 2,
                "batch": 1,
                "samples_per_epoch": 2,
                "device": "cpu",
                "checkpoint_minutes": 0,
            },
        },
        "tiny",
    )
    whole, run = tmp_path / "whole", tmp_path / "run"
    train(recipe, cohort, whole)
    with pytest.raises(RuntimeError, match="broken off"):
        train(recipe, cohort, run, progress=Interruption())
    train(recipe, cohort, run)
    weights = "checkpoints/last/weights.safetensors"
    assert (run / weights).read_bytes() == (whole / weights).read_bytes()

    source = Phantom(3).load().volumes["t1"]
    io.write(source, tmp_path / "t1.nii.gz")
    assert (
        cli.run(["translate", str(run), str(tmp_path / "t1.nii.gz"), "-o", str(tmp_path / "fa.nii.gz")]) == 0
    )
    synthetic = io.read(tmp_path / "fa.nii.gz")
    assert synthetic.grid == source.grid
    assert np.isfinite(synthetic.voxels).all()
    words = ["evaluate", str(run), "--cohort", str(cohort.folder), "--split", "test"]
    assert cli.run([*words, "-o", str(tmp_path / "evaluation")]) == 0
    scored = json.loads((tmp_path / "evaluation" / "evaluation.json").read_text())
    assert {row["translator"] for row in scored["rows"]} >= {name}
