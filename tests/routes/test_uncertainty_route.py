"""Runs with several passes, from the command line: by planes and by draws of noise, evaluated and checked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cli_calls import call
from subject_files import tiny_recipe, write_ellipsoid
from transmodal.evaluation.records.schema import EvaluationFile
from transmodal.volumes import io

NOISE = (
    "{width: 4, stages: [1, 2], codes: 16, spade_width: 8, spade_hidden: 4, diffusion_width: 8, multiples: [1, 2], "
    "attention: [1], head_channels: 8, groups: 4, steps: 20, sampler_steps: 2}"
)
RECIPES = {
    "planes": tiny_recipe("planes", windows="{kind: slice, axes: [x, y, z]}"),
    "noise": tiny_recipe("noise", translator="aldm", settings=NOISE),
    "patches": tiny_recipe(
        "patches",
        windows="{kind: patch, size: [8, 8, 8]}",
        training="{epochs: 1, batch: 2, samples_per_epoch: 4, device: cpu}",
    ),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uncertainty")
    for n in range(4):
        write_ellipsoid(folder / "subjects" / f"case-{n}", n, shape=(11, 13, 9))
    call(f"prepare folders {folder}/subjects -o {folder}/cohort --region t1=body --counts 1:1:2 --workers 1")
    for name, recipe in RECIPES.items():
        (folder / f"{name}.yaml").write_text(recipe)
        call(f"train {folder}/{name}.yaml --cohort {folder}/cohort -o {folder}/{name}")
    return folder


def test_three_planes_are_judged_and_taken_again(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = f"evaluate {place}/planes --cohort {place}/cohort --oracles standard --device cpu --save-volumes"
    call(line)
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
    call(f"check {place}/planes --cohort {place}/cohort")
    heard = capsys.readouterr().out
    assert "10 volumes and 2 targets have the content that was scored" in heard
    assert "not taken again" not in heard
    (part, *_) = said["volumes"]["unet_regression"][said["cases"][0]["case"]]
    made = io.read(folder / part["file"])
    io.write(made.with_voxels(made.voxels * np.float32(2)), folder / part["file"])
    call(f"check {place}/planes --cohort {place}/cohort", 5)
    assert "disagreement for case" in capsys.readouterr().err


def test_draws_of_noise_are_judged_under_a_name_of_their_own(place: Path, tmp_path: Path) -> None:
    both = f"{place}/planes {place}/noise"
    line = (
        f"evaluate {both} --cohort {place}/cohort --oracles none --device cpu --draws 3 -o {tmp_path}/three"
    )
    call(line)
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
    call(line)
    assert json.loads((tmp_path / "one" / "evaluation.json").read_text())["uncertainty"] is None
    call(f"compare {tmp_path}/one {tmp_path}/three -o {tmp_path}/both")
    rows = json.loads((tmp_path / "both" / "comparison.json").read_text())["rows"]
    assert {row["name"] for row in rows} == {"aldm", "aldm, 3 draws", "unet_regression"}


def test_other_axes_than_the_recipes_are_scored_under_a_name_of_their_own(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run on axial slices is scored across x and z, by the median, and the volume is what `translate` writes."""
    how = "--axes x,z --fuse median --device cpu"
    line = f"evaluate {place}/noise {place}/patches --cohort {place}/cohort --oracles none --save-volumes"
    call(f"{line} {how} -o {tmp_path}/two")
    record = json.loads((tmp_path / "two" / "evaluation.json").read_text())
    models = record["provenance"]["models"]
    name = "aldm, axes x,z, fused by the median"
    assert list(models) == [name, "unet_regression, fused by the median"]
    own = {"axes": ["z"], "fuse": "mean"}
    assert models[name]["passes"] == {"axes": ["x", "z"], "fuse": "median", "recipe": own}
    assert f"{name}: slices across x, z" in (tmp_path / "two" / "report.html").read_text()
    call(f"check {tmp_path}/two --cohort {place}/cohort")

    (case, *_) = record["targets"]
    stored = record["volumes"][name][case][0]["file"]
    made = f"{tmp_path}/fa.nii.gz"
    call(f"translate {place}/noise {place}/subjects/{case}/t1.nii.gz -o {made} {how}")
    np.testing.assert_allclose(
        io.read(tmp_path / "fa.nii.gz").voxels, io.read(tmp_path / "two" / stored).voxels, atol=1e-5
    )

    # The same training over its own axis is another row of a comparison.
    line = f"evaluate {place}/noise --cohort {place}/cohort --oracles none --device cpu -o {tmp_path}/one"
    call(line)
    call(f"compare {tmp_path}/one {tmp_path}/two -o {tmp_path}/both")
    rows = json.loads((tmp_path / "both" / "comparison.json").read_text())["rows"]
    assert {row["name"] for row in rows} == {"aldm", name, "unet_regression, fused by the median"}
    capsys.readouterr()
    for command in (
        f"evaluate {place}/patches --cohort {place}/cohort --axes x,y,z -o {tmp_path}/none",
        f"translate {place}/patches {place}/subjects/case-0/t1.nii.gz --axes x -o {tmp_path}/no.nii.gz",
    ):
        call(command, 2)
        assert "trained on 3D patches" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    assert not (tmp_path / "no.nii.gz").exists()


def test_translate_writes_the_spread_of_several_draws(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = f"translate {place}/noise {place}/subjects/case-0/t1.nii.gz -o {tmp_path}/fa.nii.gz --device cpu --disagreement"
    call(line, 2)
    assert "--draws N" in capsys.readouterr().err
    call(f"{line} --draws 2")
    sidecar = json.loads((tmp_path / "fa.json").read_text())
    assert sidecar["passes"] == {"axes": ["z"], "fuse": "mean", "draws": 2}
    assert sidecar["disagreement"]["name"] == "fa_disagreement.nii.gz"
    spread = io.read(tmp_path / "fa_disagreement.nii.gz")
    assert spread.voxels.max() > 0
    call(f"translate {place}/planes {place}/subjects/case-0/t1.nii.gz -o {tmp_path}/no.nii.gz --draws 2", 2)
    assert "draws no noise" in capsys.readouterr().err
    call(f"evaluate {place}/planes --cohort {place}/cohort --draws 2 -o {tmp_path}/none", 2)
    assert "draws no noise" in capsys.readouterr().err
