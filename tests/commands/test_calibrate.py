"""`transmodal calibrate` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from transmodal import cli


def test_levels_widths_and_notes_are_printed(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["calibrate", "run", "--cohort", "cohort", "--quiet"]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "run/calibration.json: 1 validation subject, levels up to 0.500"
    assert lines[0].startswith("  0.5: +- ")
    assert all(line.startswith("note: ") for line in lines[1:])
    assert cli.run(["calibrate", "run", "--cohort", "cohort", "--axes", "x,z", "--json", "--quiet"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["subjects"], shown["highest_level"], shown["score"]) == (1, 0.5, "normalised")
    assert list(shown["factors"]) == ["0.5"]
    assert shown["regions"]["region"] == 1
    words = ["source-t1.nii.gz", "-o", "fa.nii.gz", "--force", "--axes", "x,z", "--interval", "0.5"]
    assert cli.run(["translate", "run", *words]) == 0
    assert (folders / "fa_upper.nii.gz").exists()
    assert cli.run(["translate", "run", *words[:-1], "0.9", "--overwrite"]) == 3
    assert "error[E142]" in capsys.readouterr().err
