"""`transmodal export`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from transmodal import cli


def test_it_says_what_was_written(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["export", "run", "-o", "model.tmz"]) == 0
    assert capsys.readouterr().out.startswith("model.tmz: file, for research")
    assert cli.run(["export", "run", "-o", "model.tmz", "--overwrite", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"artefact": "model.tmz", "form": "file"}
    assert cli.run(["export", "run", "-o", "model.tmz"]) == 2
    assert capsys.readouterr().err.startswith("error[E005]")
