"""A BIDS dataset to a cohort, a run, and derivatives that the BIDS validator takes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transmodal import cli
from transmodal.cohorts.headers.bids_names import derivative, parse, write_description
from transmodal.volumes import Volume, io

RECIPE = """
name: tiny
translator: unet_regression
task: {{source: [t1], target: {target}}}
data: {{spacing_mm: 4.0, region: body}}
windows: {{kind: slice, axes: [z]}}
settings: {{width: 4, levels: 2}}
training:
  epochs: 1
  batch: 4
  samples_per_epoch: 8
  players: {{generator: {{lr: 0.003}}}}
"""


def head(seed: int) -> dict[str, Volume]:
    draw = np.random.default_rng(seed)
    i, j, k = np.indices((20, 22, 14)).astype(float)
    inside = ((i - 10) / 8) ** 2 + ((j - 11) / 9) ** 2 + ((k - 7) / 6) ** 2 < 1
    t1 = inside * (300 + 100 * np.sin(i / 2 + seed) + 10 * draw.standard_normal(inside.shape))
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = (-40, -44, -28)
    made = {"T1w": t1, "T2w": inside * (800 - t1), "ct": np.where(inside, t1 - 260, -1000)}
    return {what: Volume(np.rint(values).astype(np.int16), affine) for what, values in made.items()}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bids") / "dataset"
    folder.mkdir()
    about = {"Name": "phantoms", "BIDSVersion": "1.10.0", "DatasetType": "raw", "Authors": ["nobody"]}
    (folder / "dataset_description.json").write_text(json.dumps(about))
    (folder / "README").write_text("Phantoms that no scanner measured, for tests of names and grids.\n" * 3)
    (folder / ".bidsignore").write_text("**/ct\n")
    for n in range(4):
        for what, volume in head(n).items():
            place = folder / f"sub-{n:02d}" / ("ct" if what == "ct" else "anat")
            place.mkdir(parents=True, exist_ok=True)
            io.write(volume, place / f"sub-{n:02d}_{what}.nii.gz")
    return folder


def validated(folder: Path) -> list[dict[str, Any]]:
    """Return the errors that the BIDS validator finds."""
    program = Path(sys.executable).with_name("bids-validator-deno")
    if not program.exists() and shutil.which("bids-validator-deno") is None:
        pytest.skip("the BIDS validator (bids-validator-deno) is not installed")
    done = subprocess.run(
        [str(program), "--format", "json", str(folder)], capture_output=True, text=True, check=False
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    return [one for one in issues if one["severity"] == "error"]


def test_the_validator_would_notice(dataset: Path, tmp_path: Path) -> None:
    assert validated(dataset) == []
    shutil.copytree(dataset, tmp_path / "bad")
    (tmp_path / "bad/sub-00/anat/sub-00_wrong.nii.gz").write_bytes(b"")
    assert validated(tmp_path / "bad")


@pytest.mark.parametrize("target", ["t2", "ct"])
def test_from_a_dataset_to_derivatives(
    dataset: Path,
    target: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    recipe, cohort, run = tmp_path / "tiny.yaml", tmp_path / "cohort", tmp_path / "run"
    recipe.write_text(RECIPE.format(target=target))
    line = f"prepare bids {dataset} -o {cohort} --with need=t1,{target} --region t1=body --counts 2:1:1 --workers 1"
    assert cli.run(line.split()) == 0
    assert cli.run(f"train {recipe} --cohort {cohort} -o {run} --device cpu".split()) == 0
    output = tmp_path / "derivatives"
    assert cli.run(f"translate {run} {dataset} -o {output} --device cpu".split()) == 0
    place, suffix = {"t2": ("anat", "T2w"), "ct": ("ct", "ct")}[target]
    made = sorted(output.rglob("*.nii.gz"))
    assert made == [
        output / f"sub-{n:02d}/{place}/sub-{n:02d}_desc-synthetic_{suffix}.nii.gz" for n in range(4)
    ]
    assert io.read(made[0]).grid.same_as(head(0)["T1w"].grid)
    record = json.loads(made[0].with_name(made[0].name.replace(".nii.gz", ".json")).read_text())
    assert record["Sources"] == ["bids:source:sub-00/anat/sub-00_T1w.nii.gz"]
    assert "Not a medical device" in record["Description"]
    assert record["SkullStripped"] is False
    assert record["synthetic"] is True
    assert validated(output) == []
    capsys.readouterr()
    assert cli.run(f"translate {run} {dataset} -o {dataset} --device cpu".split()) == 3
    assert "derivatives/transmodal" in capsys.readouterr().err
    assert not list(dataset.rglob("*synthetic*"))

    fewer = tmp_path / "fewer"
    shutil.copytree(dataset, fewer)
    (fewer / "sub-02/anat/sub-02_T1w.nii.gz").unlink()
    assert cli.run(f"translate {run} {fewer} -o {fewer}/derivatives/transmodal --device cpu".split()) == 0
    assert "not translated: sub-02 (no t1)" in caplog.text
    assert len(list((fewer / "derivatives").rglob("*synthetic*.nii.gz"))) == 3


def test_every_targets_name_passes_the_validator(dataset: Path, tmp_path: Path) -> None:
    source = parse(Path("sub-01_ses-2_acq-x_run-1_space-T1w_T1w.nii.gz"))
    assert source is not None
    write_description(tmp_path / "d", name="names", version="1", source=dataset, note="names")
    for target in ("t1", "t1ce", "t2", "pd", "flair", "fa", "ct", "colour"):
        path = tmp_path / "d" / derivative(source, target)
        path.parent.mkdir(parents=True, exist_ok=True)
        io.write(head(0)["T1w"], path)
        sidecar = path.with_name(path.name.replace(".nii.gz", ".json"))
        sidecar.write_text(json.dumps({"SkullStripped": False, "SpatialReference": "orig"}))
    assert len(list((tmp_path / "d").rglob("*.nii.gz"))) == 8
    assert validated(tmp_path / "d") == []
