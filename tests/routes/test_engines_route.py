"""Engines, as a user goes: the same volume by each, what was chosen in the sidecar, and the same bytes again."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import transmodal
from transmodal import cli
from transmodal.errors import UsageError
from transmodal.inference.load import load
from transmodal.volumes import io

EARLIER = Path(__file__).parent.parent / "contract" / "earlier"
SOURCE = "source-t1.nii.gz"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of a cohort and a run, which is the working directory."""
    shutil.copytree(EARLIER, tmp_path / "earlier")
    monkeypatch.chdir(tmp_path / "earlier")
    return tmp_path / "earlier"


def translate(output: str, *words: str) -> int:
    return cli.run(["translate", "run", SOURCE, "-o", output, "--force", "--device", "cpu", *words])


def sidecar(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(name).read_text())
    return content


def test_every_engine_gives_the_same_volume_and_says_that_it_did(folders: Path) -> None:
    assert translate("torch.nii.gz") == 0
    plain = io.read(folders / "torch.nii.gz").voxels
    assert not {"engine", "engine_choice"} & sidecar("torch.json").keys()
    for request, name in (("openvino", "openvino"), ("onnxruntime", "onnxruntime"), ("auto", "openvino")):
        assert translate(f"{request}.nii.gz", "--engine", request, "--axes", "x,y,z") == 0
        content = sidecar(f"{request}.json")
        choice = content["engine_choice"]
        assert (content["engine"], choice["request"]) == (name, request)
        assert 0 <= choice["largest_difference"] <= choice["tolerance"] == 1e-5
        assert content["environment"]["versions"][name] == choice["version"]
        assert translate(f"{request}.nii.gz", "--engine", "torch", "--axes", "x,y,z", "--overwrite") == 0
        assert translate(f"{request}-z.nii.gz", "--engine", request) == 0
        voxels = io.read(folders / f"{request}-z.nii.gz").voxels
        np.testing.assert_allclose(voxels, plain, rtol=0, atol=1e-5)


def test_the_same_command_finds_its_image_and_reproduce_makes_its_bytes(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert translate("fa.nii.gz", "--engine", "auto") == 0
    capsys.readouterr()
    assert translate("fa.nii.gz", "--engine", "auto") == 0
    assert "fa.nii.gz is already there" in capsys.readouterr().err
    assert translate("fa.nii.gz") == 2  # by torch it is another translation
    assert cli.run(["reproduce", "fa.json", "--source", SOURCE, "--quiet"]) == 0
    assert "equal: fa.nii.gz, byte for byte" in capsys.readouterr().out


def test_without_the_extra_auto_takes_torch_and_a_named_engine_is_refused_before_a_source_is_read(
    folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for package in ("openvino", "onnxruntime"):
        monkeypatch.setitem(sys.modules, package, None)
    assert translate("torch.nii.gz") == 0
    assert translate("auto.nii.gz", "--engine", "auto") == 0
    assert (folders / "auto.nii.gz").read_bytes() == (folders / "torch.nii.gz").read_bytes()
    content = sidecar("auto.json")
    assert "engine" not in content
    assert content["engine_choice"]["fallback"] == "openvino is not installed"
    assert "translated by torch: openvino is not installed" in content["notes"]
    capsys.readouterr()
    (folders / SOURCE).unlink()
    assert translate("out.nii.gz", "--engine", "openvino") == 4
    assert "pip install 'transmodal[engines]'" in capsys.readouterr().err
    with pytest.raises(Exception, match="openvino is not installed"):
        load(folders / "run", device="cpu", engine="openvino")


def test_an_evaluation_takes_an_engine_and_says_which(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summaries = {}
    for engine in ("torch", "openvino"):
        words = ["--cohort", "cohort", "--oracles", "none", "--device", "cpu", "--engine", engine]
        assert cli.run(["evaluate", "run", *words, "-o", engine, "--json"]) == 0
        (model,) = json.loads((folders / engine / "evaluation.json").read_text())["provenance"][
            "models"
        ].values()
        assert model.get("engine", "torch") == engine
        assert ("engine" in model) is (engine != "torch")
        rows = json.loads(capsys.readouterr().out)["summary"]
        summaries[engine] = {row["metric"]: row["mean"] for row in rows}
    assert summaries["openvino"] == pytest.approx(summaries["torch"], rel=1e-4)
    assert len(summaries["torch"]) == 3
    with pytest.raises(UsageError, match="Did you mean openvino") as refused:
        transmodal.evaluate("run", "cohort", engine="openvno")
    assert refused.value.code == "E002"
