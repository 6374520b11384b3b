from __future__ import annotations

import math
from pathlib import Path

import pytest

from cli_calls import call, check_error
from group_files import write_group
from transmodal.commands.regions import _lines
from transmodal.evaluation.regions.group_test import TermTest
from transmodal.evaluation.regions.run import RegionTables
from transmodal.evaluation.regions.table import ImageGroup


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_group(tmp_path)


WORDS = "regions synthetic=unet --labels labels --names labels.tsv --modality fa -o out"


def test_tables_effects_and_limits_are_shown(group: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(f"{WORDS} --measured measured --participants participants.tsv --test age --covariate sex")
    shown = capsys.readouterr().out
    assert "out/group_test.tsv" in shown
    assert "unet (synthetic), 2 effects:\n  Left side, age: 0.0" in shown
    assert "Do not report a group difference in synthetic images" in shown
    call("regions --measured measured --labels labels --modality fa -o out")
    assert "synthetic" not in capsys.readouterr().out
    assert not (group / "out/group_test.tsv").exists()


def test_regions_that_cannot_be_tested_are_named_without_figures() -> None:
    nothing = [math.nan] * 7
    tested = TermTest("wm", "age", 10, 7, 0.5, 0.1, 0.3, 0.7, 5.0, 0.01, 0.01)
    tests = (TermTest("fat", "age", 10, 7, *nothing), tested)
    tables = RegionTables(Path("out"), (), (), ((ImageGroup("measured", "measured", "", {}), tests),), ())
    assert _lines(tables) == [
        "measured (measured), 1 effect:",
        "  wm, age: 0.5, n 10, p 0.01, q 0.01",
        "  not tested, as figures are missing or do not vary: fat",
    ]


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (f"{WORDS} --test age", "E004", "without --participants"),
        (f"{WORDS} --participants participants.tsv --test agee", "E002", "Did you mean age"),
        (f"{WORDS} --measured synthetic=x", "E103", "says that it is synthetic"),
        (f"{WORDS} --measured measured=unet", "E004", "two sets of images unet"),
        ("regions synthetic -o out", "E004", "without a cohort"),
        ("regions synthetic --labels labels --modality fa -o labels", "E005", "something else"),
    ],
)
def test_refusals(group: Path, words: str, code: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    check_error(words, code, part, capsys)
    assert not (group / "out").exists()
