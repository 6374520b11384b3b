"""`prepare LAYOUT --help` tells what the layout expects and every key that it has."""

from __future__ import annotations

from dataclasses import fields

import pytest

from transmodal import cli
from transmodal.cohorts import layouts


@pytest.mark.parametrize("name", layouts.names())
def test_the_help_of_a_layout_lists_its_keys_and_shows_its_folders(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["prepare", name, "--help"]) == 0
    said = capsys.readouterr().out
    assert "--workers" in said, "the verb's own options come first"
    about = said.partition(f"Layout {name}\n")[2]
    assert ".nii" in about or ".png" in about or "IM0001" in about, "a tree of files"
    for field in fields(layouts.parse_options(name)) if layouts.keys_of(name) else ():  # type: ignore[arg-type]  # a dataclass
        assert f"\n  {field.name}: " in about
    assert f"transmodal prepare {name} FOLDER --dry-run" in about


@pytest.mark.parametrize("line", ["prepare --help", "prepare nothing --help"])
def test_without_a_layout_the_help_is_the_verbs(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(line.split()) == 0
    said = capsys.readouterr().out
    assert "prepare ixi --help" in said
    assert "Layout " not in said
    for name, summary in layouts.summaries().items():
        assert f"  {name}".ljust(16) + f"{summary}\n" in said


def test_keys_have_a_meaning_and_a_default(capsys: pytest.CaptureFixture[str]) -> None:
    keys = layouts.keys_of("ixi")
    assert keys["limit_mm"] == ("a registration whose two directions differ by more has failed.", "2.0")
    assert keys["need"][1] == "t1,t2,pd"
    assert cli.run(["prepare", "synthrad2023", "--help"]) == 0
    assert "clip: `challenge` clips CT and CBCT of 2025" in capsys.readouterr().out


def test_a_wrong_key_leads_to_that_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["prepare", "ixi", "folder", "--with", "zzz=1", "--dry-run"]) == 2
    advice = capsys.readouterr().err.strip()
    assert advice.endswith("See transmodal prepare ixi --help.")
