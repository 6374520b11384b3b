"""From a run's folder to its model: which checkpoint, whose weights, by which engine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from transmodal import checkpoint, translators
from transmodal.checkpoint import Checkpoint, CohortMark, State, manifest
from transmodal.errors import InputError, IntegrityError, UsageError
from transmodal.inference import engines
from transmodal.inference.load import load
from transmodal.recipes.load import validate
from transmodal.storage import files
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec, fit

SETTINGS = {"width": 2, "levels": 2, "source_channels": [1]}
RECIPE = {
    "name": "tiny",
    "translator": "unet_regression",
    "task": {"source": ["t1"], "target": "fa"},
    "windows": {"axes": ["z"]},
    "data": {"region": "whole"},
    "settings": {"width": 2, "levels": 2},
    "training": {"epochs": 1, "batch": 4, "device": "cpu"},
}


def save(run: Path, kind: str, seconds: float, step: int) -> None:
    torch.manual_seed(1)
    window = IntensitySpec("window", 0.0, 1.0)
    checkpoint.save(
        run / "checkpoints" / kind,
        Checkpoint(
            recipe=validate(RECIPE, "tiny"),
            translator_config=SETTINGS,
            target_map=fit(window, np.zeros((1, 1, 1))),
            sources={"t1": window},
            cohort=CohortMark("heads", "ab12", ("mark",)),
            state=State(phase="train", step=step, seconds=seconds),
            weights=translators.build("unet_regression", SETTINGS).state_dict(),
        ),
    )


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run folder") as refused:
        load(tmp_path)
    assert (refused.value.code, refused.value.remedy) == ("E134", "Train it first: transmodal train.")
    with pytest.raises(InputError, match=r"Did you mean t1-to-fa-demo\?"):
        load("t1-to-fa-dmo")


def test_the_best_is_loaded_in_evaluation_mode_with_the_time_of_the_whole_training(tmp_path: Path) -> None:
    save(tmp_path, "best", 3.04, step=7)
    save(tmp_path, "last", 9.06, step=21)
    model = load(tmp_path, device="cpu")
    assert not model.translator.training
    assert (model.provenance["step"], model.provenance["training_seconds"]) == (7, 9.1)
    assert model.provenance["starting_weights"] == {}
    assert model.digest == checkpoint.load(tmp_path / "checkpoints" / "best").weights_sha256
    assert load(tmp_path, checkpoint="last", device="cpu").provenance["step"] == 21


def test_a_run_without_a_best_checkpoint_gives_its_last(tmp_path: Path) -> None:
    save(tmp_path, "last", 1.0, step=21)
    assert load(tmp_path, device="cpu").provenance["step"] == 21
    with pytest.raises(InputError, match="without first checkpoint"):
        load(tmp_path, checkpoint="first")


def test_weights_of_a_network_that_there_is_not_are_refused(tmp_path: Path) -> None:
    save(tmp_path, "last", 1.0, step=1)
    with pytest.raises(UsageError, match="no frozen network") as refused:
        load(tmp_path, device="cpu", weights={"sam": "sam.pth"})
    assert refused.value.code == "E002"


def test_an_unknown_engine_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no engine 'onxx'") as refused:
        load(tmp_path, engine="onxx")
    assert refused.value.code == "E002"


ENGINE = """
import numpy as np


class Constant:
    def infer(self, source, available, noise):
        return np.full((len(source), 1, *source.shape[2:]), 0.5, np.float32)


def build(translator, device):
    return Constant()
"""


def test_another_engine_translates_and_the_record_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, "last", 1.0, step=1)
    (tmp_path / "half.py").write_text(ENGINE)
    monkeypatch.setattr(engines, "__path__", [*engines.__path__, str(tmp_path)])
    source = Volume(np.random.default_rng(0).random((8, 8, 4), dtype=np.float32), np.eye(4))
    plain = load(tmp_path, device="cpu").translate(source)
    other = load(tmp_path, device="cpu", engine="half").translate(source)
    assert "engine" not in plain.record
    assert other.record["engine"] == "half"
    np.testing.assert_allclose(other.volume.voxels, 0.75, atol=1e-6)  # 0.5 of [-1, 1] is 0.75 of [0, 1]


@pytest.mark.parametrize("width", [3, 4])
def test_weights_of_another_width_are_refused(width: int, tmp_path: Path) -> None:
    save(tmp_path, "best", 1.0, step=7)
    path = tmp_path / "checkpoints" / "best" / checkpoint.MANIFEST
    content = json.loads(path.read_bytes())["content"]
    content["translator_config"]["width"] = width
    path.write_bytes(manifest.seal(content))
    with pytest.raises(IntegrityError, match="whose weights are not of its settings") as refused:
        load(tmp_path, device="cpu")
    assert refused.value.code == "E502"
    assert "\n" not in refused.value.line()


def test_weights_without_tensors_are_refused(tmp_path: Path) -> None:
    save(tmp_path, "best", 1.0, step=7)
    folder = tmp_path / "checkpoints" / "best"
    (folder / checkpoint.WEIGHTS).write_bytes(safetensors.torch.save({}))
    content = json.loads((folder / checkpoint.MANIFEST).read_bytes())["content"]
    content["files"][checkpoint.WEIGHTS] = files.sha256_file(folder / checkpoint.WEIGHTS)
    (folder / checkpoint.MANIFEST).write_bytes(manifest.seal(content))
    with pytest.raises(IntegrityError) as refused:
        load(tmp_path, device="cpu")
    assert refused.value.code == "E502"
