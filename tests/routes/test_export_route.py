"""From a run to what goes elsewhere, and there: the same volume as the run gives here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import transmodal
from transmodal import cli
from transmodal.volumes import io

EARLIER = Path(__file__).parents[1] / "contract" / "earlier"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another machine: a model in one file, a source and a cohort; no run."""
    assert cli.run(["export", str(EARLIER / "run"), "-o", str(tmp_path / "model.tmz")]) == 0
    shutil.copy(EARLIER / "source-t1.nii.gz", tmp_path / "t1.nii.gz")
    shutil.copytree(EARLIER / "cohort", tmp_path / "cohort")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_one_file_translates_and_its_sidecar_names_the_run(elsewhere: Path) -> None:
    assert cli.run(["translate", "model.tmz", "t1.nii.gz", "-o", "fa.nii.gz"]) == 0
    assert cli.run(["translate", str(EARLIER / "run"), "t1.nii.gz", "-o", "by_run.nii.gz"]) == 0
    assert np.array_equal(io.read(Path("fa.nii.gz")).voxels, io.read(Path("by_run.nii.gz")).voxels)
    record, expected = (json.loads(Path(name).read_text()) for name in ("fa.json", "by_run.json"))
    assert record["checkpoint"] == expected["checkpoint"]
    for run in ("model.tmz", str(EARLIER / "run")):
        assert transmodal.verify("fa.nii.gz", run=run).is_whole
        assert transmodal.reproduce("fa.json", "t1.nii.gz", run=run).is_equal


def test_one_file_is_evaluated_beside_itself(elsewhere: Path) -> None:
    evaluation = transmodal.evaluate("model.tmz", "cohort", split="validation", oracles="none", metrics="mae")
    assert Path("model-evaluation/evaluation.json").is_file()
    by_run = transmodal.evaluate(
        EARLIER / "run", "cohort", split="validation", oracles="none", metrics="mae", output="by-run"
    )
    assert evaluation.to_json()["summary"] == by_run.to_json()["summary"]


def test_what_is_no_model_is_refused_in_one_line(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.tmz").write_bytes(Path("model.tmz").read_bytes()[:-7])
    Path("text.tmz").write_text("model")
    for name, code in (("bad", "E101"), ("text", "E102"), ("none", "E100")):
        assert cli.run(["translate", f"{name}.tmz", "t1.nii.gz", "-o", "fa.nii.gz"]) == 3
        assert capsys.readouterr().err.startswith(f"error[{code}]")
    assert not Path("fa.nii.gz").exists()
