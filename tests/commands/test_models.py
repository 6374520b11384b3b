"""`transmodal models`: the package's models are listed, or one's card or record is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import transmodal
from transmodal import cli
from transmodal.cohorts.simulation import atlas
from transmodal.cohorts.store import Cohort
from transmodal.commands._completing import model_names
from transmodal.commands._evaluating import folder_for, runs_of
from transmodal.models import library
from transmodal.service.settings import models_of

DEMO = "t1-to-fa-demo"


def test_models_are_listed_and_cards_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["models"]) == 0
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.split()[:4] == [DEMO, "t1", "->", "fa"]
    assert last.startswith("Not a medical device")
    for name in (DEMO, "demo:t1-to-fa"):
        assert cli.run(["models", name]) == 0
        assert capsys.readouterr().out == library.read_card(DEMO).rstrip() + "\n"
    assert cli.run(["models", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"models": [library.read_record(DEMO)]}
    assert cli.run(["models", DEMO, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == library.read_record(DEMO)


def test_an_unknown_model_gets_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["models", "t1-to-ct-demo"]) == 2
    assert DEMO in capsys.readouterr().err


def test_shells_complete_models() -> None:
    assert model_names("t1-to-fa") == [DEMO]
    assert model_names("*") == []


def test_the_doors_take_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = library.resolve(DEMO)
    assert runs_of([DEMO, "runs/a"]) == [own, Path("runs/a")]
    assert models_of(["demo:t1-to-fa", f"again={DEMO}"]) == {DEMO: own, "again": own}
    assert cli.run(["export", DEMO, "-o", "card.md", "--as", "card"]) == 0
    assert Path("card.md").read_text() == library.read_card(DEMO)
    assert cli.run(["verify", DEMO]) == 0
    options = atlas.AtlasOptions(spacing_mm=4.0, modalities=("t1",), head="never", segmentation=False)
    transmodal.write(atlas.AtlasSubject(0, options).load().volumes["t1"], "t1.nii.gz")
    assert cli.run(["translate", DEMO, "t1.nii.gz", "-o", "fa.nii.gz", "--force", "--device", "cpu"]) == 0
    assert cli.run(["verify", "fa.nii.gz", "--run", DEMO]) == 0
    assert cli.run(["reproduce", "fa.nii.gz", "--source", "t1.nii.gz", "--run", "demo:t1-to-fa"]) == 0


def test_an_evaluation_of_a_model_of_the_package_lies_here(folders: Path) -> None:
    folder = folder_for([library.resolve(DEMO)], Cohort.open(folders / "cohort"), None)
    assert not folder.is_absolute()
    assert folder.name.startswith(f"{DEMO}-evaluation")
