"""From a release's folder to a cohort by the command line: look, prepare, split as papers do."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from subject_files import tiny_recipe
from transmodal import cli
from transmodal.cohorts import layouts
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.prepare import remarks
from transmodal.cohorts.simulation import releases
from transmodal.cohorts.simulation.release import defects
from transmodal.commands import atlas
from transmodal.recipes import load
from transmodal.volumes import Volume, io

SHAPE = (6, 7, 5)
RECIPE = tiny_recipe(
    task="{source: [mr], target: ct}",
    data="{region: body}",
    windows="{kind: slice, axes: [z], size: [32, 32], fit: pad}",
    training="{epochs: 1, batch: 4, samples_per_epoch: 8, players: {generator: {lr: 0.003}}}",
)


def brats(folder: Path, n: int) -> Path:
    """Write n cases of noise as BraTS 2021 has them."""
    for number in range(n):
        name = f"BraTS2021_{number:05d}"
        (folder / name).mkdir(parents=True)
        draw = np.random.default_rng(number)
        for what in ("t1", "t1ce", "t2", "flair"):
            voxels = draw.integers(0, 900, SHAPE).astype(np.int16)
            io.write(Volume(voxels, np.eye(4)), folder / name / f"{name}_{what}.nii.gz")
    return folder


def contents(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_a_dry_run_says_all_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = brats(tmp_path / "data", 3)
    (data / "BraTS2021_00001" / "BraTS2021_00001_t2.nii.gz").unlink()
    (data / "notes.txt").write_text("x")
    before = contents(tmp_path)
    assert cli.run(f"prepare brats {data} --dry-run --workers 1".split()) == 0
    said = capsys.readouterr().out
    assert "BraTS2021_00000 (patient BraTS-GLI-00000)\n  flair: 6 x 7 x 5 of 1 x 1 x 1 mm, RAS, int16" in said
    assert "left out: BraTS2021_00001 (no t2)" in said
    assert "ignored: notes.txt (of no case)" in said
    assert said.endswith("2 cases, 0 with something wrong; 1 left out. Nothing was written.\n")
    (data / "BraTS2021_00002" / "BraTS2021_00002_t1.nii.gz").write_bytes(b"torn")
    assert cli.run(f"prepare brats {data} --dry-run --workers 1 -o {tmp_path}/cohort".split()) == 3
    said = capsys.readouterr().out
    assert "  wrong: error[E102]: BraTS2021_00002_t1.nii.gz" in said
    assert "2 cases, 1 with something wrong" in said
    assert contents(tmp_path) == before


def test_what_is_left_aside_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    data = brats(tmp_path / "data", 3)
    (data / "BraTS2021_00001" / "BraTS2021_00001_t2.nii.gz").unlink()
    (data / "notes.txt").write_text("x")
    line = f"prepare brats {data} -o {tmp_path}/c --workers 1 --split 1:0:1"
    assert cli.run(line.split()) == 0
    assert "left out: BraTS2021_00001 (no t2)" in caplog.text
    assert "ignored: notes.txt (of no case)" in caplog.text
    assert "2 cases with flair, t1, t1ce, t2; 1 train, 0 validation, 1 test" in capsys.readouterr().out
    assert cli.run([*line.split(), "--with", "need=t1,flair"]) == 0
    assert "3 cases with" in capsys.readouterr().out


def test_the_first_patients_by_name_as_papers_have_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = brats(tmp_path / "data", 41)
    line = f"prepare brats {data} -o {tmp_path}/c --workers 1 --split syndiff"
    assert cli.run(line.split()) == 0
    assert "40 cases" in capsys.readouterr().out
    split = json.loads((tmp_path / "c" / "split.json").read_text())
    names = [f"BraTS2021_{n:05d}" for n in range(40)]
    assert split["by"] == "given"
    assert (split["train"], split["validation"], split["test"]) == (names[:25], names[25:30], names[30:])
    assert cli.run(f"prepare brats {data} -o {tmp_path}/d --split resvit-brats".split()) == 3


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        ("prepare brats {0} --workers 1", 2, "E001"),
        ("prepare bratz {0} -o {1}", 2, "E002"),
        ("prepare brats {0} -o {1} --with nedd=t1", 2, "E003"),
        ("prepare ixi {0} -o {1}", 3, "E100"),
        ("atlas -o {1} --layout brats1999", 2, "E002"),
        ("atlas -o {1} --layout ixi --defect torn", 2, "E001"),
        ("atlas -o {1} --defect missing", 2, "E004"),
    ],
)
def test_what_cannot_be_is_one_line(
    line: str, status: int, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = brats(tmp_path / "data", 1)
    assert cli.run(line.format(data, tmp_path / "c").split()) == status
    said = capsys.readouterr().err
    assert code in said
    assert said.count("\n") == 1


def test_the_atlas_as_ixi_is_prepared_as_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remarks, "find_dissimilar", list)
    assert (
        cli.run(
            f"atlas -o {tmp_path}/ixi --layout ixi --subjects 2 --spacing-mm 7 --defect missing --workers 1".split()
        )
        == 0
    )
    said = capsys.readouterr().out
    assert "2 virtual subjects as ixi" in said
    words = said.split("transmodal ")[1].split()
    words[words.index("cohort")] = f"{tmp_path}/cohort"
    assert cli.run([*words, "--workers", "1", "--split", "1:0:0"]) == 0
    said = capsys.readouterr().out
    assert "1 case with pd, t1, t2" in said
    assert "registered: 1 case; the two directions differ most, in mm, for IXI002-Guys-0828" in said
    assert "look at these" in said


def test_the_help_names_every_layout_and_release(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["prepare", "--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"\n  {name} " in said for name in layouts.names())
    assert all(name in atlas.EXAMPLES for name in (*releases.RELEASES, *defects.DEFECTS))


def test_a_prepared_release_trains(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    for line in (
        f"atlas -o {tmp_path}/data --layout synthrad2023 --subjects 3 --spacing-mm 9 --workers 1",
        f"prepare synthrad {tmp_path}/data -o {tmp_path}/c --for mrnet-synthrad2023 --counts 1:1:1 --workers 1",
        f"train {tmp_path}/tiny.yaml --cohort {tmp_path}/c -o {tmp_path}/run --device cpu",
    ):
        assert cli.run(line.split()) == 0
    assert list((tmp_path / "run").rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("recipe", "release"),
    [
        ("mrnet-synthrad2023", "synthrad2023"),
        ("mrnet-brats2020", "brats2020"),
        ("agi-net-brats2023", "brats2023"),
        ("agi-net-ixi", "ixi"),
        ("macro2micro-abcd", "abcd"),
    ],
)
def test_recipes_ask_for_what_the_layouts_give(recipe: str, release: str, tmp_path: Path) -> None:
    releases.write(release, 1, tmp_path, spacing_mm=10)
    found = layouts.find(releases.release_of(release).layout, tmp_path)
    (case,) = found.cases
    assert isinstance(case, CaseFiles)
    task = load.load(recipe).task
    assert {*task.source, task.target} <= set(case.volumes)
