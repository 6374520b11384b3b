"""Outputs that are there are taken for an earlier call's only where their sidecars say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal import cli
from transmodal.checkpoint import manifest
from transmodal.inference.provenance import sidecar as sidecars
from transmodal.storage import files, sealed

COHORT = ("cohort", "-o", "out", "--split", "all")
SINGLE = ("source-t1.nii.gz", "-o", "out/fa.nii.gz")
OTHERS = [
    {"checkpoint": {"weights_sha256": "0"}},
    {"origins": {}},
    {"passes": {"axes": ["x"], "fuse": "mean"}},
    {"synthetic": False},
    {"tool": {"name": "transmodal", "version": "0.0.1"}},
    {"translate_with": "running"},
    {"engine": "another"},
    {"gate": {"policy": "off"}},
    {"environment": {"device": "cuda:0"}},
]


def translate(*words: str) -> int:
    return cli.run(["translate", "run", *words, "--force"])


@pytest.mark.parametrize("several", [True, False])
def test_what_is_not_of_this_run_and_source_is_not_taken_for_it(
    several: bool, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = COHORT if several else SINGLE
    assert translate(*words) == 0
    image = next(path for path in (folders / "out").iterdir() if path.name.endswith(".nii.gz"))
    sidecar = image.with_name(image.name.replace(".nii.gz", ".json"))
    whole, record = image.read_bytes(), sealed.read(sidecar).content
    changes = OTHERS if several else [*OTHERS, {"reading": {"nonfinite": "zero"}}]
    for changed in changes:
        sidecars.write(sidecar, record | changed)
        assert translate(*words) == 2, changed
        assert "exists" in capsys.readouterr().err
    files.write_json(sidecar, sealed.seal(record) | {"notes": ["edited"]})
    assert translate(*words) == 2
    sidecars.write(sidecar, record)
    image.write_bytes(whole[:-1])
    assert translate(*words) == 2
    sidecar.write_text("{")
    assert translate(*words) == 2


@pytest.mark.parametrize("kind", ["fa.nii.gz", "fa.mhd"])
def test_one_image_that_is_there_is_the_answer(
    kind: str, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("source-t1.nii.gz", "-o", kind)
    assert translate(*words) == 0
    before = {path.name: path.stat().st_mtime_ns for path in folders.glob("fa*")}
    capsys.readouterr()
    assert translate(*words) == 0
    shown = capsys.readouterr()
    assert f"{kind} is already there: this run made it from the same source" in shown.err
    assert shown.out == f"{kind}\n"
    assert {path.name: path.stat().st_mtime_ns for path in folders.glob("fa*")} == before
    for more in (["--nonfinite", "zero"], ["--disagreement", "--axes", "x,z"], ["--checkpoint", "last"]):
        assert translate(*words, *more) == 2, more
    assert cli.run(["translate", "run", *words]) == 2  # without --force: the gate is another one
    assert translate(*words, "--overwrite") == 0
    assert {path.name: path.stat().st_mtime_ns for path in folders.glob("fa*")} != before


def test_a_halved_map_in_a_resealed_manifest_is_another_run(folders: Path) -> None:
    words = ("source-t1.nii.gz", "-o", "fa.nii.gz")
    assert translate(*words) == 0
    path = folders / "run" / "checkpoints" / "best" / "manifest.json"
    content = manifest.unseal(path)
    content["target_map"]["scale"] /= 2
    path.write_bytes(manifest.seal(content))
    assert translate(*words) == 2


def test_the_rest_of_an_image_is_made_when_it_is_gone(folders: Path) -> None:
    words = ("source-t1.nii.gz", "-o", "fa.nii.gz", "--axes", "x,z", "--disagreement")
    assert translate(*words) == 0
    spread = folders / "fa_plane_disagreement.nii.gz"
    whole = spread.read_bytes()
    spread.unlink()
    assert translate(*words) == 0
    assert spread.read_bytes() == whole
    spread.unlink()
    (folders / "fa.nii.gz").write_bytes(b"another")
    assert translate(*words) == 2  # it is not replaced unasked
    assert (folders / "fa.nii.gz").read_bytes() == b"another"
