from __future__ import annotations

import re
from pathlib import Path

import pytest

import small_pages
from transmodal import cli


def test_a_run_of_files_becomes_a_page(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_pages.need_runtime()
    line = "publish run -o model.html --example t1=source-t1.nii.gz --axes z --fuse mean"
    assert cli.run(line.split()) == 0
    assert re.fullmatch(r"model\.html \(\d\.\d MB\)\n", capsys.readouterr().out)
    text = Path("model.html").read_text()
    assert "source-t1" not in text
    assert 'id="example-0"' in text


def test_a_run_without_a_page_is_refused_in_a_line(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["publish", "run", "-o", "model.nii"]) == 2
    assert "ends in .html" in capsys.readouterr().err
