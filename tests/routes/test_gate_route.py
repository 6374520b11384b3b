"""From a cohort over a run of two steps to a gate: what is let in, refused, forced and recorded on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from subject_files import tiny_recipe
from transmodal import checkpoint, cli
from transmodal.volumes import Volume, io

BrainOf = Callable[..., Volume]
RECIPE = tiny_recipe(
    task="{source: [t1], target: flair}",
    data="{spacing_mm: 6.0, region: body}",
    training="{epochs: 1, batch: 4, samples_per_epoch: 8, players: {generator: {lr: 0.003}}}",
)


@pytest.fixture(scope="module")
def run(brain_of: BrainOf, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gate")
    data = folder / "dataset"
    data.mkdir()
    about = {"Name": "brains", "BIDSVersion": "1.10.0", "DatasetType": "raw", "Authors": ["nobody"]}
    (data / "dataset_description.json").write_text(json.dumps(about))
    for n in range(5):
        place = data / f"sub-{n:02d}" / "anat"
        place.mkdir(parents=True)
        t1, flair = brain_of("t1", n), brain_of("flair", n)
        io.write(t1, place / f"sub-{n:02d}_T1w.nii.gz")
        io.write(Volume(flair.voxels, t1.affine), place / f"sub-{n:02d}_FLAIR.nii.gz")
    (folder / "tiny.yaml").write_text(RECIPE)
    cohort, trained = folder / "cohort", folder / "run"
    line = f"prepare bids {data} -o {cohort} --with need=t1,flair --region t1=body --counts 3:1:1 --copies ignore --workers 1"
    assert cli.run(line.split()) == 0
    assert cli.run(f"train {folder / 'tiny.yaml'} --cohort {cohort} -o {trained} --device cpu".split()) == 0
    return trained


def record(path: Path) -> dict[str, object]:
    gate = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())["gate"]
    assert isinstance(gate, dict)
    return gate


def test_a_right_source_passes_and_its_figures_are_kept(run: Path, brain_of: BrainOf, tmp_path: Path) -> None:
    io.write(brain_of("t1", 20), tmp_path / "right.nii.gz")
    line = f"translate {run} {tmp_path}/right.nii.gz -o {tmp_path}/o.nii.gz --device cpu --strict"
    assert cli.run(line.split()) == 0
    gate = record(tmp_path / "o.nii.gz")
    assert (gate["outcome"], gate["policy"], gate["overridden"]) == ("pass", "strict", False)


def test_another_contrast_is_refused_before_anything_is_written_and_force_is_recorded(
    run: Path, brain_of: BrainOf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    io.write(brain_of("t2", 20), tmp_path / "wrong.nii.gz")
    line = f"translate {run} {tmp_path}/wrong.nii.gz -o {tmp_path}/o.nii.gz --device cpu"
    assert cli.run(line.split()) == 3
    error = capsys.readouterr().err
    assert "error[E140]" in error
    assert "looks like T2" in error
    assert [path.name for path in tmp_path.iterdir()] == ["wrong.nii.gz"]
    assert cli.run([*line.split(), "--force"]) == 0
    gate = record(tmp_path / "o.nii.gz")
    assert (gate["outcome"], gate["overridden"]) == ("refuse", True)
    assert cli.run([*line.split(), "--force", "--strict"]) == 2


def test_of_several_the_right_ones_are_translated_and_the_others_named(
    run: Path, brain_of: BrainOf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    io.write(brain_of("t1", 20), images / "a.nii.gz")
    io.write(brain_of("t2", 20), images / "b.nii.gz")
    assert cli.run(f"translate {run} {images} -o {tmp_path}/out --device cpu".split()) == 3
    error = capsys.readouterr().err
    assert "error[E141]: 1 of 2 refused at the gate: b.nii.gz" in error
    assert [path.name for path in (tmp_path / "out").glob("*.nii.gz")] == ["a_flair.nii.gz"]


def test_no_derivative_dataset_is_opened_where_the_gate_refuses_every_image(
    run: Path, brain_of: BrainOf, tmp_path: Path
) -> None:
    data = tmp_path / "dataset"
    image = data / "sub-07/anat/sub-07_T1w.nii.gz"
    image.parent.mkdir(parents=True)
    (data / "dataset_description.json").write_text(json.dumps({"Name": "wrong", "BIDSVersion": "1.10.0"}))
    io.write(brain_of("t2", 20), image)
    assert cli.run(f"translate {run} {data} -o {tmp_path}/derivatives --device cpu".split()) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]


def test_a_checkpoint_from_before_the_gate_translates_and_says_that_it_cannot_check(
    run: Path, brain_of: BrainOf, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for which in ("best", "last"):
        old = replace(checkpoint.load(run / "checkpoints" / which), reference=None)
        checkpoint.save(tmp_path / "run" / "checkpoints" / which, old)
    io.write(brain_of("t2", 20), tmp_path / "t2.nii.gz")
    line = f"translate {tmp_path}/run {tmp_path}/t2.nii.gz -o {tmp_path}/o.nii.gz --device cpu"
    assert cli.run(line.split()) == 0
    assert "t1: not checked: the run keeps no reference" in caplog.text
    assert "not checked: the run keeps no reference" in json.dumps(record(tmp_path / "o.nii.gz"))
