"""The demo, tiny: virtual subjects to the report, and the atlas as files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from transmodal import cli
from transmodal.volumes import io

TINY = (
    "--subjects 3:1:1 --spacing-mm 6 --workers 1 --set training.epochs=1 --set training.samples_per_epoch=16 "
    "--set settings.width=4 --set data.spacing_mm=6.0 --set training.validate_every=1 --set settings.levels=3"
)


def test_the_demo_ends_with_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = f"demo --task mr-to-ct -o {tmp_path} {TINY}"
    assert cli.run(line.split()) == 0
    shown = capsys.readouterr().out
    assert "linear_patch" in shown
    folder = tmp_path / "mr-to-ct"
    assert "every pair" in shown
    assert (folder / "cohort/cohort.html").is_file()
    evaluation = json.loads((folder / "evaluation/evaluation.json").read_text())
    names = {row["translator"] for row in evaluation["rows"]}
    assert names == {"unet_regression", "pix2pix", "mean_target", "lookup", "linear_patch", "registered_mean"}
    report = (folder / "evaluation/report.html").read_text()
    assert "one average anatomy" in report
    assert "imulated" in report
    source, made = io.read(folder / "example/t1.nii.gz"), io.read(folder / "example/synthetic_ct.nii.gz")
    assert source.grid == made.grid
    assert made.voxels.dtype == np.int16
    corners = made.voxels[:: made.voxels.shape[0] - 1, :: made.voxels.shape[1] - 1, -1]
    assert (corners == -1024).all()  # outside the head there is air
    weights = folder / "runs/unet_regression/checkpoints/best/weights.safetensors"
    before = weights.stat().st_mtime_ns
    assert cli.run(line.split()) == 0
    assert weights.stat().st_mtime_ns == before


def test_the_atlas_as_files_prepares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        cli.run(f"atlas -o {tmp_path}/s --subjects 3 --spacing-mm 8 --modalities t1,fa --workers 1".split())
        == 0
    )
    assert (
        cli.run(f"prepare folders {tmp_path}/s -o {tmp_path}/c --workers 1 --intensity t1=zscore".split())
        == 0
    )
    assert "3 cases with fa, t1" in capsys.readouterr().out
    wrong = f"prepare folders {tmp_path}/s -o {tmp_path}/c --intensity t1=window:1"
    assert cli.run(wrong.split()) == 2
    assert cli.run(f"prepare folders {tmp_path}/s -o {tmp_path}/c --split 8:x:1".split()) == 2
    assert cli.run(f"demo --subjects 3:1 -o {tmp_path}/d".split()) == 2
    assert cli.run(f"demo --subjects a -o {tmp_path}/d".split()) == 2
