"""The page about intervals: its commands and its Python run, one after the other, and levels are those that it says."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from cli_calls import call
from subject_files import tiny_recipe, write_blob
from transmodal import cli
from transmodal.inference.intervals.conformal import subjects_for
from transmodal.volumes import io

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "intervals.md"
RECIPE = tiny_recipe(
    "tiny",
    data="{region: body}",
    settings="{width: 4, levels: 1}",
    training="{epochs: 1, batch: 4, samples_per_epoch: 8, device: cpu}",
)


def blocks(kind: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort with nine validation subjects, two runs, and an image of a subject of none of the sides but the test's."""
    folder = tmp_path_factory.mktemp("intervals")
    for n in range(12):
        write_blob(folder / "subjects" / f"case-{n:02d}", n)
    (folder / "tiny.yaml").write_text(RECIPE)
    call(f"prepare folders {folder}/subjects -o {folder}/cohort --region t1=body --counts 2:9:1 --workers 1")
    (case,) = json.loads((folder / "cohort" / "split.json").read_text())["test"]
    shutil.copy(folder / "subjects" / case / "t1.nii.gz", folder / "t1.nii.gz")
    for seed in (1, 2):
        words = f"train {folder}/tiny.yaml --cohort {folder}/cohort -o {folder}/runs/seed-{seed}"
        call(f"{words} --set training.seed={seed}")
    return folder


def test_commands_and_python_of_the_page_run(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    lines = [shlex.split(line) for block in blocks("bash") for line in block.splitlines() if line]
    assert len(lines) == 4
    for program, *words in lines:
        assert program == "transmodal"
        options = ["--force"] if words[0] == "translate" else []
        assert cli.run([*words, *options]) == 0, words
    assert "9 validation subjects, levels up to 0.900" in capsys.readouterr().out
    for code in blocks("python"):
        exec(compile(code.replace("interval=0.9", 'interval=0.9, gate="off"'), str(PAGE), "exec"), {})
    for name in ("fa", "fa-both", "fa-again"):
        middle, lower, upper = (
            io.read(place / f"{name}{end}.nii.gz").voxels for end in ("", "_lower", "_upper")
        )
        assert (lower <= middle + 1e-6).all()
        assert (middle <= upper + 1e-6).all()
        assert (upper > lower).any()
    assert (place / "fa-both_run_disagreement.nii.gz").exists()
    again, first = (io.read(place / f"{name}_upper.nii.gz").voxels for name in ("fa-again", "fa"))
    np.testing.assert_array_equal(again, first)


def test_numbers_of_subjects_are_those_of_the_code() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    for level, subjects in ((0.9, 9), (0.95, 19), (0.99, 99)):
        assert subjects_for(level) == subjects
        assert f"{level} needs {subjects}" in text
