"""Outputs that are there are taken for an earlier call's only where their sidecars say so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from transmodal import cli
from transmodal.storage import files

EARLIER = Path(__file__).parent.parent / "contract" / "earlier"


def translate() -> int:
    return cli.run(["translate", "run", "cohort", "-o", "out", "--split", "all", "--force"])


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of a cohort and a run, which is the working directory."""
    shutil.copytree(EARLIER, tmp_path / "earlier")
    monkeypatch.chdir(tmp_path / "earlier")
    return tmp_path / "earlier"


def test_what_is_not_of_this_run_and_source_is_not_taken_for_it(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert translate() == 0
    image = next(path for path in (folders / "out").iterdir() if path.name.endswith(".nii.gz"))
    sidecar = image.with_name(image.name.replace(".nii.gz", ".json"))
    whole, record = image.read_bytes(), json.loads(sidecar.read_text())
    for changed in (
        {"checkpoint": {"weights_sha256": "0"}},
        {"origins": {}},
        {"passes": {"axes": ["x"], "fuse": "mean"}},
        {"synthetic": False},
    ):
        files.write_json(sidecar, record | changed)
        assert translate() == 2
        assert "exists" in capsys.readouterr().err
    files.write_json(sidecar, record)
    image.write_bytes(whole[:-1])
    assert translate() == 2
    sidecar.write_text("{")
    assert translate() == 2
