"""A network that is told its plane: it learns what hangs on the plane, and says its plane on every way out of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from scipy import ndimage

import transmodal
from phantoms import Images, Phantom, Place
from transmodal import cli
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.errors import UsageError
from transmodal.recipes.load import validate
from transmodal.recipes.schema import Recipe
from transmodal.training.train import train
from transmodal.volumes import io


@dataclass(frozen=True)
class SlopedPhantom(Phantom):
    """Texture without directions, whose FA is its slope from back to front: along the rows of x, the columns of z."""

    shape = (16, 16, 16)
    spacing_mm = (2.0, 2.0, 2.0)

    def images(self, place: Place) -> Images:
        noise = np.random.default_rng(self.number).standard_normal(self.shape)
        texture = ndimage.gaussian_filter(noise, 1, mode="wrap")
        texture /= texture.std()
        slope = np.roll(texture, -1, axis=1) - np.roll(texture, 1, axis=1)
        t1, fa = 600 + 150 * texture, np.clip(0.5 + 0.2 * slope, 0, 1)
        return Images(
            {"t1": t1.astype(np.float32), "fa": fa.astype(np.float32)}, np.ones(self.shape, np.uint8)
        )


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """The same numbers need the same number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    folder = tmp_path_factory.mktemp("sloped") / "cohort"
    return prepare([SlopedPhantom(n) for n in range(6)], folder, PrepareOptions(counts=(4, 1, 1)))


def recipe_of(*, is_told: bool, **training: Any) -> Recipe:  # noqa: ANN401
    name = "told" if is_told else "blind"
    return validate(
        {
            "name": name,
            "translator": "unet_regression",
            "task": {"source": ["t1"], "target": "fa"},
            "windows": {"axes": ["x", "z"], "size": [16, 16], "plane_channels": is_told},
            "settings": {"width": 16, "levels": 1, "ssim_weight": 0},
            "training": {
                "epochs": 10,
                "batch": 8,
                "device": "cpu",
                "validate_every": 10,
                "players": {"generator": {"lr": 0.003, "schedule": "cosine"}},
                **training,
            },
        },
        name,
    )


@pytest.fixture(scope="module")
def runs(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    for is_told, name in ((True, "told"), (False, "blind")):
        train(recipe_of(is_told=is_told), cohort, folder / name)
    return {name: folder / name for name in ("told", "blind")}


def test_what_hangs_on_the_plane_is_learned_by_the_network_that_is_told_alone(
    cohort: Cohort, runs: dict[str, Path]
) -> None:
    case = cohort.cases("test")[0]
    target = case.volume("fa").voxels
    errors = {}
    for name, run in runs.items():
        for axis in ("x", "z"):
            made = transmodal.load(run, device="cpu").translate(case.volume("t1"), axes=(axis,), gate="off")
            errors[name, axis] = float(np.abs(made.volume.voxels - target).mean())
    for axis in ("x", "z"):
        assert errors["told", axis] < 0.5 * errors["blind", axis], errors


def test_interrupted_it_gives_the_same_bytes(cohort: Cohort, tmp_path: Path) -> None:
    class Stumble:
        def advance(self, what: str, done: int, total: int, note: str = "") -> None:
            if what == "train" and done == 5:
                raise RuntimeError("bang")

        def say(self, line: str) -> None:
            """Say nothing."""

    recipe = recipe_of(is_told=True, epochs=1, checkpoint_minutes=0, workers=1)
    train(recipe, cohort, tmp_path / "whole")
    with pytest.raises(RuntimeError, match="bang"):
        train(recipe, cohort, tmp_path / "parts", progress=Stumble())
    train(recipe, cohort, tmp_path / "parts")
    weights = "checkpoints/last/weights.safetensors"
    assert (tmp_path / "parts" / weights).read_bytes() == (tmp_path / "whole" / weights).read_bytes()


def test_planes_that_it_has_not_learned_from_are_refused_with_a_remedy(
    cohort: Cohort, runs: dict[str, Path], tmp_path: Path
) -> None:
    source = cohort.cases("test")[0].volume("t1")
    model = transmodal.load(runs["told"], device="cpu")
    with pytest.raises(UsageError, match="Give --axes x,z") as refused:
        model.translate(source, axes=("x", "y", "z"), gate="off")
    assert refused.value.code == "E004"
    io.write(source, tmp_path / "t1.nii.gz")
    words = [str(tmp_path / "t1.nii.gz"), "-o", str(tmp_path / "fa.nii.gz"), "--axes", "x,z", "--force"]
    assert cli.run(["translate", str(runs["told"]), *words]) == 0
    assert transmodal.load(runs["blind"], device="cpu").translate(source, axes=("y",), gate="off")


def test_evaluations_of_both_say_their_axes(cohort: Cohort, runs: dict[str, Path], tmp_path: Path) -> None:
    words = [str(run) for run in runs.values()]
    told, folder = words[0], str(tmp_path / "figures")
    assert cli.run(["evaluate", *words, "--cohort", str(cohort.folder), "--axes", "x,z", "-o", folder]) == 0
    assert (
        cli.run(["evaluate", told, "--cohort", str(cohort.folder), "--axes", "y", "-o", folder + "-y"]) == 2
    )


def test_a_graph_takes_the_plane_as_its_description_says(
    cohort: Cohort, runs: dict[str, Path], tmp_path: Path
) -> None:
    assert cli.run(["export", str(runs["told"]), "-o", str(tmp_path / "graph"), "--as", "onnx"]) == 0
    description = json.loads((tmp_path / "graph" / "metadata.json").read_text())
    channels = description["input"]["channels"]
    assert [channel.get("plane") for channel in channels] == [None, "x", "y", "z"]
    assert "the plane of the slices" in (tmp_path / "graph" / "README.md").read_text()
    session = onnxruntime.InferenceSession(
        tmp_path / "graph" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    model = transmodal.load(runs["told"], device="cpu")
    draws = np.random.default_rng(1).uniform(-1, 1, (2, 1, 16, 16)).astype(np.float32)
    planes = np.zeros((2, 3, 16, 16), np.float32)
    planes[0, 0] = planes[1, 2] = 1
    windows = np.concatenate([draws, planes], axis=1)
    expected = model.engine.infer(windows, np.ones((2, 1), np.float32), np.zeros(2, np.int64))
    np.testing.assert_allclose(session.run(None, {"source": windows})[0], expected, atol=1e-4)
    turned = np.concatenate([draws, planes[::-1]], axis=1)
    assert np.abs(session.run(None, {"source": turned})[0] - expected).max() > 0.05
