"""The command of a study: every word that decides its record, quoted, and no place."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from transmodal.experiments.study.command import StudyCall
from transmodal.experiments.study.entrants import Words


def call_of(**fields: object) -> StudyCall:
    return StudyCall(
        "planes", Words((), ()), Path("/data/atlas"), Path("studies/planes"), "test", {}, (), (), (), None
    )._replace(**fields)


def test_what_is_left_open_stays_out() -> None:
    assert call_of().command() == "transmodal study planes --cohort atlas --split test -o planes"


def test_all_that_decides_the_record_is_in_and_quoted() -> None:
    call = call_of(
        words=Words((Path("/home/me/runs/unet/seed-1"),), ("recipes/mine.yaml", "t1-to-t2-small")),
        beside={
            "--training-cohort": None,
            "--subjects": Path("/home/me/subjects"),
            "--phenotypes": Path("p.tsv"),
        },
        seeds=(1, 2),
        changes=("training.epochs=2", "settings.sam_weights=/home/me/sam.pth"),
        options=("counts=[1, 4]", "segmenter=/home/me/seg.onnx"),
        device="cpu",
    )
    words = "transmodal study planes unet/seed-1 mine.yaml t1-to-t2-small --cohort atlas --subjects subjects"
    words += " --phenotypes p.tsv --split test --seeds 1,2 --set training.epochs=2 --set settings.sam_weights=sam.pth"
    words += " --option 'counts=[1, 4]' --option segmenter=seg.onnx --device cpu -o planes"
    assert call.command() == words
    assert "counts=[1, 4]" in shlex.split(call.command())


def test_a_folder_named_by_a_dot_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "atlas").mkdir()
    monkeypatch.chdir(tmp_path / "atlas")
    assert "--cohort atlas " in call_of(cohort=Path()).command()
