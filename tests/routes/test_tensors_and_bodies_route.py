"""By the command line: a diffusion series and a body cut slice by slice, to a cohort, a training and a report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from transmodal import cli
from transmodal.recipes import load
from transmodal.volumes import Volume, io

RECIPE = """
name: tiny
translator: unet_regression
task: {{source: [{source}], target: {target}}}
windows: {{kind: slice, axes: [z], size: [32, 32], fit: pad}}
settings: {{width: 4, levels: 2}}
training:
  epochs: 1
  batch: 2
  samples_per_epoch: 4
  players: {{generator: {{lr: 0.003}}}}
"""


def run(*lines: str) -> None:
    for line in lines:
        assert cli.run(line.split()) == 0, line


def test_a_series_is_prepared_and_trained_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tiny.yaml").write_text(RECIPE.format(source="t1", target="fa"))
    run(f"atlas -o {tmp_path}/data --layout diffusion --subjects 2 --spacing-mm 9 --workers 1")
    words = capsys.readouterr().out.split("transmodal ")[1].split()
    words[words.index("cohort")] = f"{tmp_path}/c"
    run(f"{' '.join(words)} --workers 1 --counts 1:1:0")
    assert "2 cases with fa, t1" in capsys.readouterr().out
    run(f"train {tmp_path}/tiny.yaml --cohort {tmp_path}/c -o {tmp_path}/run --device cpu")
    assert list((tmp_path / "run").rglob("*.safetensors"))
    assert (load.load("macro2micro-abcd").task.source, load.load("macro2micro-abcd").task.target) == (
        ("t1",),
        "fa",
    )


def test_a_body_is_stamped_from_the_cohort_to_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tiny.yaml").write_text(RECIPE.format(source="mr", target="colour"))
    run(
        f"atlas -o {tmp_path}/data --layout korean_human --subjects 1 --spacing-mm 7 --workers 1",
        f"prepare korean_human {tmp_path}/data -o {tmp_path}/c --workers 1",
    )
    said = capsys.readouterr().out
    assert "within-subject: slabs of one body stand on all sides" in said
    assert "1 train, 1 validation, 1 test" in said
    run(
        f"train {tmp_path}/tiny.yaml --cohort {tmp_path}/c -o {tmp_path}/run --device cpu",
        f"evaluate {tmp_path}/run --cohort {tmp_path}/c -o {tmp_path}/scores --device cpu",
    )
    assert "Within-subject:" in (tmp_path / "scores" / "report.html").read_text()
    task = load.load("colorization-korean-human").task
    assert (task.source, task.target) == (("mr",), "colour")


def test_fa_outside_0_to_1_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").mkdir()
    fa = np.random.default_rng(0).random((10, 10, 10)).astype(np.float32)
    fa[0, 0, :5] = 1.1
    io.write(Volume(fa, np.eye(4)), tmp_path / "data" / "sub-a.FA.nii.gz")
    io.write(Volume(fa * 900, np.eye(4)), tmp_path / "data" / "sub-a.brain.nii.gz")
    run(f"prepare t1_fa {tmp_path}/data -o {tmp_path}/c --workers 1 --split 1:0:0")
    assert "fa outside [0, 1]: 1 case; most voxels in sub-a 0.5 %" in capsys.readouterr().out
