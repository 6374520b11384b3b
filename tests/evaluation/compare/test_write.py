"""The command writes every form, or prints one."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from transmodal import cli
from transmodal.notice import INTENDED_USE
from transmodal.storage import files

Maker = Any


def _run(*arguments: str) -> int:
    return cli.run(["compare", *arguments])


def test_the_command_writes_every_format(
    make: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [str(run) for run in make.pair()]
    out = tmp_path / "deep" / "out"
    assert _run(*runs, "-o", str(out)) == 0
    assert "| **unet** |" in capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == {
        "comparison.md", "comparison.csv", "comparison.tex", "comparison.html", "comparison.json", "patients.csv",
    }  # fmt: skip
    kept = json.loads((out / "comparison.json").read_text())
    assert kept["intended_use"] == INTENDED_USE
    assert [row["name"] for row in kept["rows"]] == ["unet", "pix2pix", "mean_target"]
    assert [one["sha256"] for one in kept["evaluations"]] == [
        files.sha256_file(Path(run) / "evaluation" / "evaluation.json") for run in runs
    ]
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    assert _run(*runs, "-o", str(out)) == 0
    assert first == {path.name: path.read_bytes() for path in out.iterdir()}


def test_the_command_prints_one_format(
    make: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [str(run) for run in make.pair()]
    assert _run(*runs, "--format", "csv", "--metric", "psnr") == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {line["metric"] for line in lines} == {"psnr"}
    assert _run(*runs, "--format", "latex", "-o", str(tmp_path / "tex")) == 0
    assert {path.name for path in (tmp_path / "tex").iterdir()} == {
        "comparison.tex", "comparison.json", "patients.csv",
    }  # fmt: skip


def test_the_command_fails_on_one_line(
    make: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(make.pair()[0])
    for arguments, status, code in (
        ([run, run], 2, "E004"),
        ([run, "--format", "pdf"], 2, "E001"),
        ([str(tmp_path / "nowhere")], 3, "E100"),
    ):
        assert _run(*arguments) == status
        shown = capsys.readouterr().err
        assert shown.startswith(f"error[{code}]")
        assert shown.count("\n") == 1
