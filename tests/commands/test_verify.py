"""`transmodal verify`: works out what a folder is, and names every file in it that is not what was written."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import transmodal
from transmodal import cli
from transmodal.checkpoint import manifest
from transmodal.errors import InputError, UsageError
from transmodal.storage import files, sealed


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 8
    path.write_bytes(content)


def clear(path: Path) -> None:
    np.save(path, np.zeros_like(np.load(path)))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def recompress(path: Path) -> None:
    """Write the same voxels in other bytes."""
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1, mtime=7))


def edit_affine(path: Path) -> None:
    record = json.loads(path.read_text())
    record["affine"][2][3] += 0.5
    path.write_text(json.dumps(record))


def edit_figure(path: Path) -> None:
    record = json.loads(path.read_text())
    record["rows"][0]["value"] += 1
    path.write_text(json.dumps(record))


WHOLE = {"cohort": ("cohort", 26), "run": ("run", 5), "run/checkpoints/best": ("checkpoint", 2)} | {
    "evaluation": ("evaluation", 9),
    "evaluation/evaluation.json": ("evaluation", 9),
}
FAULTS: list[tuple[str, str, Callable[[Path], None]]] = [
    *(
        ("cohort", f"cases/sub2/{name}.npy", damage)
        for name in ("fa", "mask")
        for damage in (flip, clear, cut)
    ),
    ("cohort", "cases/sub2/t1.npy", Path.unlink),
    ("cohort", "cases/sub2/case.json", edit_affine),
    ("cohort", "cases/sub2/case.json", cut),
    ("cohort", "cohort.json", cut),
    ("cohort", "split.json", cut),
    *(
        ("run", f"checkpoints/{name}", damage)
        for name in ("best/weights.safetensors", "last/optimizers.safetensors", "last/manifest.json")
        for damage in (flip, cut)
    ),
    ("run", "checkpoints/last/weights.safetensors", Path.unlink),
    *(("evaluation", "volumes/01-unet_regression/sub4.nii.gz", damage) for damage in (flip, cut, recompress)),
    ("evaluation", "volumes/03-lookup/sub0.nii.gz", Path.unlink),
    ("evaluation", "evaluation.json", edit_figure),
    ("evaluation", "evaluation.json", cut),
]


@pytest.mark.parametrize("place", WHOLE)
def test_what_is_whole_is_counted(place: str, folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kind, n_files = WHOLE[place]
    assert cli.run(["verify", place]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{kind}: {n_files} files are what was written\n"
    assert f"verify: {n_files}/{n_files}" in printed.err


@pytest.mark.parametrize(("place", "file", "damage"), FAULTS)
def test_each_fault_is_one_line_and_exit_status_5(
    place: str, file: str, damage: Callable[[Path], None], folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(folders / place / file)
    assert cli.run(["verify", place, "--quiet"]) == 5
    line, summary = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{file}: ")
    assert summary.startswith(f"{place}: 1 of ")
    if "sub" in file:
        assert f"case {Path(file).parent.name if place == 'cohort' else Path(file).name[:4]}" in line
    assert cli.run(["verify", place, "--quiet", "--json"]) == 5
    record = json.loads(capsys.readouterr().out)
    assert record["kind"] == place
    assert [fault["file"] for fault in record["faults"]] == [file]
    assert record["faults"][0]["remedy"]


def test_a_sealed_evaluation_shows_any_edit(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folders / "evaluation" / "evaluation.json"
    content = files.read_json(path)
    files.write_json(path, sealed.seal(content))
    assert cli.run(["verify", "evaluation"]) == 0
    record = files.read_json(path)
    record["provenance"]["created"] = "2020-01-01"
    record["provenance"]["models"]["unet_regression"]["seed"] = 7
    del record["provenance"]["created"]
    files.write_json(path, record)
    capsys.readouterr()
    assert cli.run(["verify", "evaluation"]) == 5
    assert "evaluation.json was changed since it was written" in capsys.readouterr().out
    assert cli.run(["compare", "evaluation", "-o", "comparison"]) == 5
    assert cli.run(["check", "evaluation", "--cohort", "cohort"]) == 0


def test_a_run_is_verified_with_its_evaluations(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(folders / "evaluation", folders / "run" / "evaluation")
    shutil.copytree(folders / "evaluation", folders / "run" / "evaluation-there")
    flip(folders / "run" / "evaluation-there" / "volumes" / "02-mean_target" / "sub0.nii.gz")
    flip(folders / "run" / "checkpoints" / "best" / "weights.safetensors")
    assert cli.run(["verify", "run"]) == 5
    first, second, summary = capsys.readouterr().out.splitlines()
    assert first.startswith("checkpoints/best/weights.safetensors: ")
    assert second.startswith("evaluation-there/volumes/02-mean_target/sub0.nii.gz: case sub0, mean_target: ")
    assert summary == "run: 2 of 23 files are not what was written"


def test_python_sees_damage_that_came_later(folders: Path) -> None:
    assert transmodal.verify("cohort").is_whole
    clear(folders / "cohort" / "cases" / "sub0" / "t1.npy")
    verification = transmodal.verify(folders / "cohort")
    assert not verification.is_whole
    assert [fault.file for fault in verification.faults] == ["cases/sub0/t1.npy"]
    assert verification.text() == "cohort: 1 of 26 files are not what was written"


@pytest.mark.parametrize("place", [".", "nowhere", "source-t1.nii.gz", "tiny.yaml"])
def test_another_folder_is_refused(place: str, folders: Path) -> None:
    shutil.rmtree(folders / "evaluation")
    (folders / "synthetic-fa.nii.gz").unlink()  # an image that is known to be synthetic and lacks its sidecar
    with pytest.raises(
        InputError, match="is no cohort, run, checkpoint, evaluation or synthetic image"
    ) as caught:
        transmodal.verify(place)
    assert caught.value.code == "E100"


def test_an_image_is_held_against_its_sidecar_and_the_run(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["source-t1.nii.gz", "-o", "out/fa.nii.gz", "--force", "--quiet"]
    assert cli.run(["translate", "run", *words]) == 0
    capsys.readouterr()
    for place, text in {"out/fa.nii.gz": "image: 3", "out/fa.json": "image: 3", "out": "images: 3"}.items():
        assert cli.run(["verify", place, "--run", "run", "--quiet"]) == 0
        assert capsys.readouterr().out == f"{text} files are what was written\n"
    path = folders / "run" / "checkpoints" / "best" / "manifest.json"
    content = manifest.unseal(path)
    content["target_map"]["scale"] /= 2
    path.write_bytes(manifest.seal(content))
    assert cli.run(["verify", "out/fa.nii.gz", "--quiet"]) == 0
    assert cli.run(["verify", "out/fa.nii.gz", "--run", "run", "--quiet"]) == 5
    assert "run did not make this image: its best checkpoint differs in target_map" in capsys.readouterr().out
    recompress(folders / "out" / "fa.nii.gz")
    assert cli.run(["verify", "out", "--quiet"]) == 5
    line, summary = capsys.readouterr().out.splitlines()
    assert line.startswith("fa.nii.gz: fa.nii.gz is not the image of its sidecar: it has other bytes around")
    assert summary == "images: 1 of 2 files are not what was written"


@pytest.mark.parametrize("place", ["cohort", "run", "run/checkpoints/best", "evaluation"])
def test_a_run_beside_no_image_is_refused(place: str, folders: Path) -> None:
    with pytest.raises(UsageError, match="--run beside a") as caught:
        transmodal.verify(place, run="run")
    assert caught.value.code == "E004"
