"""Grey in, colour out, through the command line: a cohort in colour, a picture, a volume, a report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from transmodal import cli
from transmodal.volumes import Volume, io

RECIPE = """
name: colour
translator: colorization
task: {source: [t1], target: colour}
windows: {kind: slice, axes: [z], size: [32, 32]}
settings: {width: 4, blocks: 1, classes: 3, segmenter_width: 2, discriminator_width: 4}
training:
  epochs: 1
  batch: 2
  samples_per_epoch: 4
  device: cpu
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train colorization on three tiny cases, as a user would."""
    folder = tmp_path_factory.mktemp("colour")
    for n in range(3):
        i, j, k = np.meshgrid(*(np.linspace(-1, 1, size) for size in (20, 24, 6)), indexing="ij")
        head = i**2 + j**2 < 0.8
        grey = np.where(head, 100 + 40 * np.sin(3 * i + n) + 10 * k, 0)
        affine = np.diag([2.0, 2.0, 3.0, 1.0])
        volumes = {
            "t1": grey.astype(np.int16),
            "colour": np.stack([grey * 1.2, grey, grey * 0.8], axis=-1).clip(0, 255).astype(np.uint8),
            "segmentation": (head * (1 + (i > 0))).astype(np.uint8),
            "mask": head.astype(np.uint8),
        }
        (folder / "subjects" / f"case{n}").mkdir(parents=True)
        for name, voxels in volumes.items():
            io.write(Volume(voxels, affine), folder / "subjects" / f"case{n}" / f"{name}.nii.gz")
    (folder / "recipe.yaml").write_text(RECIPE)
    cohort = str(folder / "cohort")
    assert cli.run(["prepare", "folders", str(folder / "subjects"), "-o", cohort, "--counts", "1:1:1"]) == 0
    torch.set_num_threads(1)
    trained = ["train", str(folder / "recipe.yaml"), "--cohort", cohort, "-o", str(folder / "run")]
    assert cli.run(trained) == 0
    return folder


def test_a_picture_becomes_a_picture_in_colour(run: Path, tmp_path: Path) -> None:
    pixels = (np.arange(24 * 20).reshape(24, 20) % 200).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "mr.png")
    words = ["translate", str(run / "run"), str(tmp_path / "mr.png"), "-o", str(tmp_path / "colour.png")]
    assert cli.run(words) == 0
    with Image.open(tmp_path / "colour.png") as image:
        assert image.size == (20, 24)
        assert image.mode == "RGB"
    sidecar = json.loads((tmp_path / "colour.json").read_text())
    assert sidecar["translator"] == "colorization"
    assert any("axial slices as radiologists look at them" in note for note in sidecar["notes"])


def test_a_volume_becomes_a_volume_in_colour(run: Path, tmp_path: Path) -> None:
    source = run / "subjects" / "case0" / "t1.nii.gz"
    assert cli.run(["translate", str(run / "run"), str(source), "-o", str(tmp_path / "c.nii.gz")]) == 0
    made = io.read(tmp_path / "c.nii.gz")
    assert made.is_colour
    assert made.grid.same_as(io.read(source).grid)


def test_the_report_is_in_colour(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", str(run / "run"), "--cohort", str(run / "cohort")]
    assert cli.run([*words, "--metrics", "mae,ssim,delta_cf,ciede2000"]) == 0
    rows = json.loads((run / "run" / "evaluation" / "evaluation.json").read_text())["rows"]
    taken = {row["metric"] for row in rows if row["translator"] == "colorization"}
    assert taken == {"mae", "ssim", "delta_cf", "ciede2000"}
    assert "<img" in (run / "run" / "evaluation" / "report.html").read_text()
    assert cli.run([*words, "--metrics", "stsim2"]) == 2  # for slices of 32 pixels and more
    assert "error[E004]: the metric stsim2 of case" in capsys.readouterr().err
    assert cli.run([*words, "--metrics", "lattice_excess"]) == 2


def test_labels_beyond_the_classes_are_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", str(run / "recipe.yaml"), "--cohort", str(run / "cohort"), "-o", str(run / "few")]
    assert cli.run([*words, "--set", "settings.classes=2"]) == 2
    assert "settings.classes" in capsys.readouterr().err
