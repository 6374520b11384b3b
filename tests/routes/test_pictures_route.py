"""Pictures in, pictures out: pairs of PNG through prepare, train and translate."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from transmodal import cli

RECIPE = """
name: pictures
translator: unet_regression
task: {source: [t1], target: t2}
data: {intensity: {t1: {method: window, low: 0, high: 255}, t2: {method: window, low: 0, high: HIGH}}}
windows: {kind: slice, axes: [z]}
settings: {width: 2, levels: 2}
training: {epochs: 1, batch: 2, device: cpu}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    torch.set_num_threads(1)
    i, j = np.meshgrid(np.linspace(-1, 1, 24), np.linspace(-1, 1, 20), indexing="ij")
    for n in range(3):
        noise = 30 * np.random.default_rng(n).random((24, 20))
        grey = np.where(i**2 + j**2 < 0.8, 120 + 60 * np.sin(4 * i + n) + noise, 0).astype(np.uint8)
        for name, pixels in {"t1": grey, "t2": 255 - grey}.items():
            (folder / "data" / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / "data" / name / f"c{n}.png")
    prepared = ["prepare", "pairs", str(folder / "data"), "-o", str(folder / "cohort"), "--workers", "1"]
    assert cli.run([*prepared, "--counts", "1:1:1"]) == 0
    for name, high in (("run", "255"), ("fractions", "1")):
        (folder / f"{name}.yaml").write_text(RECIPE.replace("HIGH", high))
        words = ["train", str(folder / f"{name}.yaml"), "--cohort", str(folder / "cohort")]
        assert cli.run([*words, "-o", str(folder / name)]) == 0
    return folder


@pytest.mark.parametrize("source", ["data/t1", "cohort"])
def test_a_run_of_pictures_writes_pictures(source: str, place: Path, tmp_path: Path) -> None:
    """Grey PNG was refused after the work, pictures without a word on how they lie, and cohorts became NIfTI."""
    words = ["translate", str(place / "run"), str(place / source), "-o", str(tmp_path / "out"), "--force"]
    assert cli.run(words) == 0
    made = sorted(path for path in (tmp_path / "out").iterdir() if path.suffix != ".json")
    assert {path.suffix for path in made} == {".png"}
    assert len(made) == (3 if source == "data/t1" else 1)
    with Image.open(made[0]) as image:
        assert (image.size, image.mode) == ((20, 24), "L")
    notes = json.loads(made[0].with_suffix(".json").read_text())["notes"]
    assert "values are rounded to whole levels of 8 bits, as PNG holds them" in notes
    assert any("axial slices" in note for note in notes) == (source == "data/t1")


def test_what_png_does_not_hold_is_refused_before_the_work(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Values of 0 to 1 would all be rounded to black; TIFF holds them."""
    words = ["translate", str(place / "fractions"), str(place / "data" / "t1" / "c0.png"), "--force", "-o"]
    assert cli.run([*words, str(tmp_path / "y.png")]) == 2
    assert "error[E005]: t2 in y.png" in capsys.readouterr().err
    spread = ["translate", str(place / "run"), *words[2:], str(tmp_path / "y.png"), "--disagreement"]
    assert cli.run([*spread, "--axes", "x,y,z"]) == 2
    assert "error[E005]: a disagreement beside y.png" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert cli.run([*words, str(tmp_path / "y.tif")]) == 0
    with Image.open(tmp_path / "y.tif") as image:
        assert image.mode == "F"


def test_an_evaluation_does_not_resample_by_a_spacing_that_nobody_said(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["prepare", "pairs", str(place / "data"), "--workers", "1", "--counts", "1:1:1"]
    assert cli.run([*words, "-o", str(tmp_path / "said"), "--with", "spacing_mm=1,2"]) == 0
    assert "spacing not said" not in capsys.readouterr().out
    assert cli.run([*words, "-o", str(tmp_path / "open")]) == 0
    assert "spacing not said, taken as 1 mm: 3 cases" in capsys.readouterr().out
    coarse = ["--set", "data.spacing_mm=2", "-o", str(tmp_path / "run")]
    assert cli.run(["train", str(place / "run.yaml"), "--cohort", str(tmp_path / "said"), *coarse]) == 0
    assert cli.run(["evaluate", str(tmp_path / "run"), "--cohort", str(tmp_path / "open")]) == 2
    error = capsys.readouterr().err
    assert "error[E004]: data.spacing_mm=2 of the recipe: 20 x 24 x 1 voxels of" in error
    assert "would become 10 x 12 x 1" in error
