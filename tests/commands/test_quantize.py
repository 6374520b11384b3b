"""`transmodal quantize` says where the network lies, what it costs and how it is used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from transmodal import cli


def test_lines_and_json(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["quantize", "run", "--cohort", "cohort", "--quiet"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("run/int8/best: PSNR ")
    assert first.endswith("dB on 1 validation case")
    assert second == "Use it: --engine int8."
    assert cli.run(["quantize", "run", "--cohort", "cohort", "--overwrite", "--json", "--quiet"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["folder"] == "run/int8/best"
    assert printed["kept_float"] == "none"
    assert printed["loss"]["psnr_db"] <= 0.1
    assert (
        cli.run(
            [
                "translate",
                "run",
                "source-t1.nii.gz",
                "-o",
                "i.nii.gz",
                "--engine",
                "int8",
                "--force",
                "--quiet",
            ]
        )
        == 0
    )
    assert json.loads(Path("i.json").read_text())["engine"] == "int8"
