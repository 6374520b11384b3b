"""Runs with several passes, from the command line: by planes and by draws of noise, evaluated and checked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from transmodal import cli
from transmodal.evaluation.records.schema import EvaluationFile
from transmodal.volumes import Volume, io

PLANES = """
name: planes
translator: unet_regression
task: {source: [t1], target: fa}
data: {spacing_mm: 4.0, region: body}
windows: {kind: slice, axes: [x, y, z]}
settings: {width: 4, levels: 2}
training: {epochs: 1, batch: 4, samples_per_epoch: 8, device: cpu}
"""
NOISE = """
name: noise
translator: aldm
task: {source: [t1], target: fa}
data: {spacing_mm: 4.0, region: body}
windows: {kind: slice, axes: [z]}
settings: {width: 4, stages: [1, 2], codes: 16, spade_width: 8, spade_hidden: 4, diffusion_width: 8, multiples: [1, 2], attention: [1], head_channels: 8, groups: 4, steps: 20, sampler_steps: 2}
training: {epochs: 1, batch: 4, samples_per_epoch: 8, device: cpu}
"""
PATCHES = """
name: patches
translator: unet_regression
task: {source: [t1], target: fa}
data: {spacing_mm: 4.0, region: body}
windows: {kind: patch, size: [8, 8, 8]}
settings: {width: 4, levels: 2}
training: {epochs: 1, batch: 2, samples_per_epoch: 4, device: cpu}
"""


def _run(line: str) -> int:
    return cli.run(line.split())


def _write_case(folder: Path, seed: int) -> None:
    folder.mkdir(parents=True)
    draw = np.random.default_rng(seed)
    i, j, k = np.indices((11, 13, 9)).astype(float)
    inside = ((i - 5) / 5) ** 2 + ((j - 6) / 5.5) ** 2 + ((k - 4 - 0.1 * i) / 4) ** 2 < 1
    t1 = inside * (60 + 30 * np.sin(i / 2 + seed) + 3 * draw.standard_normal(inside.shape))
    fa = inside * np.clip((t1 - 20) / 100, 0, 1)
    arrays = {"t1": t1.astype(np.float32), "fa": fa.astype(np.float32), "mask": inside.astype(np.uint8)}
    for name, voxels in arrays.items():
        io.write(Volume(voxels, np.diag([4.0, 4.0, 4.0, 1.0])), folder / f"{name}.nii.gz")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uncertainty")
    for n in range(4):
        _write_case(folder / "subjects" / f"case-{n}", n)
    assert (
        _run(
            f"prepare folders {folder}/subjects -o {folder}/cohort --region t1=body --counts 1:1:2 --workers 1"
        )
        == 0
    )
    for name, recipe in {"planes": PLANES, "noise": NOISE, "patches": PATCHES}.items():
        (folder / f"{name}.yaml").write_text(recipe)
        assert _run(f"train {folder}/{name}.yaml --cohort {folder}/cohort -o {folder}/{name}") == 0
    return folder


def test_three_planes_are_judged_and_taken_again(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = f"evaluate {place}/planes --cohort {place}/cohort --oracles standard --device cpu --save-volumes"
    assert _run(line) == 0
    folder = place / "planes" / "evaluation"
    record = json.loads((folder / "evaluation.json").read_text())
    said = record["uncertainty"]
    assert [one["case"] for one in said["cases"]] == list(record["targets"])
    assert record["provenance"]["models"]["unet_regression"]["passes"] == {
        "axes": ["x", "y", "z"],
        "fuse": "mean",
    }
    assert all(sorted(one["disagreement"]) == pytest.approx(one["disagreement"]) for one in said["cases"])
    (mae,) = [
        row["value"]
        for row in record["rows"]
        if (row["case"], row["translator"], row["metric"])
        == (said["cases"][0]["case"], "unet_regression", "mae")
        and row["protocol"].startswith("inside")
    ]
    assert np.mean(said["cases"][0]["error"]) == pytest.approx(mae)
    page = (folder / "report.html").read_text()
    assert "<h2>Uncertainty</h2>" in page
    assert "slices across x, y, z" in page
    assert "<b>disagreement</b>" in page

    capsys.readouterr()
    assert _run(f"check {place}/planes --cohort {place}/cohort") == 0
    heard = capsys.readouterr().out
    assert "10 volumes and 2 targets have the content that was scored" in heard
    assert "not taken again" not in heard
    (part, *_) = said["volumes"]["unet_regression"][said["cases"][0]["case"]]
    made = io.read(folder / part["file"])
    io.write(made.with_voxels(made.voxels * np.float32(2)), folder / part["file"])
    assert _run(f"check {place}/planes --cohort {place}/cohort") == 5
    assert "disagreement for case" in capsys.readouterr().err


def test_draws_of_noise_are_judged_under_a_name_of_their_own(place: Path, tmp_path: Path) -> None:
    both = f"{place}/planes {place}/noise"
    line = (
        f"evaluate {both} --cohort {place}/cohort --oracles none --device cpu --draws 3 -o {tmp_path}/three"
    )
    assert _run(line) == 0
    record = json.loads((tmp_path / "three" / "evaluation.json").read_text())
    EvaluationFile.model_validate({key: value for key, value in record.items() if key != "sha256"})
    assert list(record["provenance"]["models"]) == ["unet_regression", "aldm, 3 draws"]
    assert record["provenance"]["models"]["aldm, 3 draws"]["passes"]["draws"] == 3
    assert {one["translator"] for one in record["uncertainty"]["cases"]} == {
        "unet_regression",
        "aldm, 3 draws",
    }
    page = (tmp_path / "three" / "report.html").read_text()
    assert "aldm, 3 draws: slices across z, 3 draws of noise" in page
    assert "<h2>Training</h2>" in page

    # The same training by one draw is another row of a comparison.
    line = f"evaluate {place}/noise --cohort {place}/cohort --oracles none --device cpu -o {tmp_path}/one"
    assert _run(line) == 0
    assert json.loads((tmp_path / "one" / "evaluation.json").read_text())["uncertainty"] is None
    assert _run(f"compare {tmp_path}/one {tmp_path}/three -o {tmp_path}/both") == 0
    rows = json.loads((tmp_path / "both" / "comparison.json").read_text())["rows"]
    assert {row["name"] for row in rows} == {"aldm", "aldm, 3 draws", "unet_regression"}


def test_other_axes_than_the_recipes_are_scored_under_a_name_of_their_own(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run on axial slices is scored across x and z, by the median, and the volume is what `translate` writes."""
    how = "--axes x,z --fuse median --device cpu"
    line = f"evaluate {place}/noise {place}/patches --cohort {place}/cohort --oracles none --save-volumes"
    assert _run(f"{line} {how} -o {tmp_path}/two") == 0
    record = json.loads((tmp_path / "two" / "evaluation.json").read_text())
    models = record["provenance"]["models"]
    name = "aldm, axes x,z, fused by the median"
    assert list(models) == [name, "unet_regression, fused by the median"]
    own = {"axes": ["z"], "fuse": "mean"}
    assert models[name]["passes"] == {"axes": ["x", "z"], "fuse": "median", "recipe": own}
    assert f"{name}: slices across x, z" in (tmp_path / "two" / "report.html").read_text()
    assert _run(f"check {tmp_path}/two --cohort {place}/cohort") == 0

    (case, *_) = record["targets"]
    stored = record["volumes"][name][case][0]["file"]
    made = f"{tmp_path}/fa.nii.gz"
    assert _run(f"translate {place}/noise {place}/subjects/{case}/t1.nii.gz -o {made} {how}") == 0
    np.testing.assert_allclose(
        io.read(tmp_path / "fa.nii.gz").voxels, io.read(tmp_path / "two" / stored).voxels, atol=1e-5
    )

    # The same training over its own axis is another row of a comparison.
    line = f"evaluate {place}/noise --cohort {place}/cohort --oracles none --device cpu -o {tmp_path}/one"
    assert _run(line) == 0
    assert _run(f"compare {tmp_path}/one {tmp_path}/two -o {tmp_path}/both") == 0
    rows = json.loads((tmp_path / "both" / "comparison.json").read_text())["rows"]
    assert {row["name"] for row in rows} == {"aldm", name, "unet_regression, fused by the median"}
    capsys.readouterr()
    for command in (
        f"evaluate {place}/patches --cohort {place}/cohort --axes x,y,z -o {tmp_path}/none",
        f"translate {place}/patches {place}/subjects/case-0/t1.nii.gz --axes x -o {tmp_path}/no.nii.gz",
    ):
        assert _run(command) == 2
        assert "trained on 3D patches" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    assert not (tmp_path / "no.nii.gz").exists()


def test_translate_writes_the_spread_of_several_draws(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = f"translate {place}/noise {place}/subjects/case-0/t1.nii.gz -o {tmp_path}/fa.nii.gz --device cpu --disagreement"
    assert _run(line) == 2
    assert "--draws N" in capsys.readouterr().err
    assert _run(f"{line} --draws 2") == 0
    sidecar = json.loads((tmp_path / "fa.json").read_text())
    assert sidecar["passes"] == {"axes": ["z"], "fuse": "mean", "draws": 2}
    assert sidecar["disagreement"]["name"] == "fa_disagreement.nii.gz"
    spread = io.read(tmp_path / "fa_disagreement.nii.gz")
    assert spread.voxels.max() > 0
    assert (
        _run(f"translate {place}/planes {place}/subjects/case-0/t1.nii.gz -o {tmp_path}/no.nii.gz --draws 2")
        == 2
    )
    assert "draws no noise" in capsys.readouterr().err
    assert _run(f"evaluate {place}/planes --cohort {place}/cohort --draws 2 -o {tmp_path}/none") == 2
    assert "draws no noise" in capsys.readouterr().err
