"""Volumes of another program through the command line: scored, mixed with a run, checked, compared, refused in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import transmodal
from cli_calls import check_error
from subject_files import tiny_recipe
from transmodal import cli
from transmodal.volumes import Volume, io

SHAPE = (24, 28, 22)
AFFINE = np.array([[-4.0, 0, 0, 50], [0, -4, 0, 60], [0, 0, 4, -40], [0, 0, 0, 1]])
RECIPE = tiny_recipe(task="{source: [mr], target: ct}", data="{}")


def _make_case(n: int) -> dict[str, Volume]:
    draw = np.random.default_rng(n)
    i, j, k = np.indices(SHAPE).astype(float)
    inside = ((i - 11) / 9) ** 2 + ((j - 14) / 11) ** 2 + ((k - 11 - 0.1 * i) / 9) ** 2 < 1
    texture = np.sin(i / 2 + n) * np.cos(j / 3) + 0.3 * draw.standard_normal(SHAPE)
    arrays = {
        "mr": np.where(inside, 300 + 100 * texture, 2).astype(np.float32),
        "ct": np.where(inside, 50 + 200 * texture + 20 * i, -1000).astype(np.float32),
        "mask": inside.astype(np.uint8),
    }
    return {name: Volume(voxels, AFFINE) for name, voxels in arrays.items()}


def _predict(n: int, noise: float) -> Volume:
    ct = _make_case(n)["ct"]
    return ct.with_voxels(
        (ct.voxels + np.random.default_rng(50 + n).normal(0, noise, SHAPE)).astype(np.float32)
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a cohort of nine (six are tested), a run, and two tools' volumes."""
    folder = tmp_path_factory.mktemp("score")
    for n in range(1, 10):
        for name, volume in _make_case(n).items():
            path = folder / "subjects" / f"P{n:02d}" / f"{name}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            io.write(volume, path)
    (folder / "tiny.yaml").write_text(RECIPE)
    run = f"prepare folders {folder}/subjects -o {folder}/cohort --counts 2:1:6 --workers 1 --copies ignore"
    assert cli.run(run.split()) == 0
    assert cli.run(f"train {folder}/tiny.yaml --cohort {folder}/cohort -o {folder}/run".split()) == 0
    for case in _tested(folder):
        n = int(case[1:])
        for tool, noise, name in (("sharp", 20.0, f"{case}.mha"), ("dull", 60.0, f"{case}/sCT.nii.gz")):
            path = folder / tool / name
            path.parent.mkdir(parents=True, exist_ok=True)
            io.write(_predict(n, noise), path)
    line = f"evaluate --predictions {folder}/sharp --cohort {folder}/cohort -o {folder}/alone"
    assert cli.run(line.split()) == 0
    return folder


def _tested(folder: Path) -> list[str]:
    tested: list[str] = json.loads((folder / "cohort" / "split.json").read_text())["test"]
    return tested


def _refused(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert cli.run(line.split()) in (2, 3)
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error[E")
    return error


def test_tools_stand_beside_a_run_and_are_checked(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tools = f"--predictions {place}/sharp --predictions {place}/dull=other"
    line = f"evaluate {place}/run {tools} --cohort {place}/cohort -o {place}/table --save-volumes --protocol synthrad2023"
    assert cli.run([*line.split(), "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    assert "SSIM_SYNTHRAD2023" in printed
    means = {row.split()[0]: float(row.split()[1]) for row in printed.splitlines()[1:7]}
    assert means["sharp"] == pytest.approx(16, abs=1)
    assert means["sharp"] < means["other"] < means["unet_regression"]
    assert cli.run(f"check {place}/table --cohort {place}/cohort".split()) == 0
    assert "36 volumes and 6 targets" in capsys.readouterr().out
    assert cli.run(f"compare {place}/table --metric mae".split()) == 0
    table = capsys.readouterr().out
    assert "sharp" in table
    assert (
        "Scored before synthetic values were clipped" not in table
    )  # they cannot be: another program made them


def test_volumes_alone_have_the_protocol_of_a_run(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(f"evaluate {place}/run --cohort {place}/cohort --device cpu".split()) == 0
    assert cli.run(f"compare {place}/alone {place}/run".split()) == 0
    assert cli.run(f"compare {place}/alone {place}/alone".split()) == 2
    assert "are the same volumes" in capsys.readouterr().err


def test_python_takes_the_same_words(place: Path) -> None:
    evaluation = transmodal.evaluate(
        cohort=place / "cohort",
        predictions={"tool": place / "sharp"},
        output=place / "python",
        oracles="none",
        metrics="mae",
    )
    assert evaluation.models == ("tool",)


def test_references_need_no_cohort(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for case in _tested(place):
        for part in ("ct", "mask"):
            (place / part).mkdir(exist_ok=True)
            shutil.copy(place / "subjects" / case / f"{part}.nii.gz", place / part / f"{part}_{case}.nii.gz")
    line = f"evaluate --predictions {place}/sharp --reference {place}/ct --masks {place}/mask --target ct"
    assert cli.run(f"{line} -o {place}/free --save-volumes".split()) == 0
    assert cli.run(f"check {place}/free --cohort {place}/free/reference".split()) == 0
    assert "6 volumes and 6 targets" in capsys.readouterr().out
    assert (place / "free" / "reference" / "cohort.html").is_file()
    assert cli.run(["verify", f"{place}/free"]) == 0
    assert cli.run(f"{line} -o {place}/free --save-volumes".split()) == 0  # once more, over it
    rows = {
        (row["case"], row["metric"], row["protocol"]): row["value"]
        for folder in ("free", "alone")
        for row in json.loads((place / folder / "evaluation.json").read_text())["rows"]
        if row["translator"] == "sharp"
    }
    assert len(rows) == 6 * 8  # equal keys, so both have the same protocols


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        ("--predictions sharp --cohort cohort", "E004", "--predictions without -o"),
        ("--predictions sharp -o x", "E004", "neither --cohort nor --reference"),
        ("--predictions sharp --cohort cohort --reference ct -o x", "E004", "--cohort and --reference"),
        ("--reference ct --target ct -o x", "E004", "--reference without --predictions"),
        ("--predictions sharp --cohort cohort --masks ct -o x", "E004", "--masks beside --cohort"),
        ("--predictions sharp --reference ct -o x", "E001", "--target"),
        ("--cohort cohort -o x", "E004", "no run"),
        ("--predictions gone --cohort cohort -o x", "E100", "gone"),
        ("--predictions sharp --cohort cohort --target pet -o x", "E002", "--target pet"),
        (
            "run --predictions sharp --cohort cohort --target mr -o x --device cpu",
            "E004",
            "--target mr beside runs",
        ),
        ("run --cohort cohort --resample", "E004", "--resample without --predictions"),
        ("--predictions sharp --cohort cohort -o x --protocol synthrad", "E002", "--protocol synthrad"),
    ],
)
def test_words_that_do_not_fit_are_refused_in_one_line(
    place: Path,
    words: str,
    code: str,
    part: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(place)
    check_error(f"evaluate {words}", code, part, capsys)


def test_a_partial_set_is_refused_then_said(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, *further = _tested(place)
    shutil.copytree(place / "sharp", place / "part")
    (place / "part" / f"{first}.mha").unlink()
    line = f"evaluate --predictions {place}/part --cohort {place}/cohort -o {place}/partial --oracles none"
    assert f"without a volume of case {first}, of 6" in _refused(line, capsys)
    assert cli.run(f"{line} --allow-missing".split()) == 0
    assert f"PARTIAL: {len(further)} of 6 cases are scored" in capsys.readouterr().out


def test_names_that_tell_nothing_take_a_table(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, lines = place / "nameless", ["case,file"]
    folder.mkdir()
    for letter, case in zip("abcdef", _tested(place), strict=True):
        shutil.copy(place / "sharp" / f"{case}.mha", folder / f"{letter}.mha")
        lines.append(f"{case},{letter}.mha")
    line = f"evaluate --predictions {folder} --cohort {place}/cohort -o {place}/named --oracles none --metrics mae"
    assert "6 files are of no case" in _refused(line, capsys)
    (place / "match.csv").write_text("\n".join(lines) + "\n")
    assert cli.run(f"{line} --match {place}/match.csv".split()) == 0


def test_entries_of_a_board_are_taken_again(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entries = []
    for tool in ("sharp", "dull"):
        entries.append(f"{place}/entry-{tool}")
        line = f"evaluate --predictions {place}/{tool} --cohort {place}/cohort -o {entries[-1]} --save-volumes --metrics mae"
        assert cli.run(line.split()) == 0
    line = (
        f"leaderboard {' '.join(entries)} {place}/alone --cohort {place}/cohort -o {place}/board --metric mae"
    )
    assert "are the same volumes" in _refused(line, capsys)
    line = f"leaderboard {' '.join(entries)} --cohort {place}/cohort -o {place}/board"
    assert cli.run(line.split()) == 0
    assert "  1  sharp" in capsys.readouterr().out
    written = json.loads((place / "board" / "leaderboard.json").read_text())
    assert [entry["figures"] for entry in written["evaluations"]] == ["taken again"] * 2
    assert all("agree exactly" in entry["check"] for entry in written["evaluations"])
    stored = next(Path(entries[0]).glob("volumes/01-sharp/*.nii.gz"))
    volume = io.read(stored)
    io.write(volume.with_voxels(volume.voxels + 1), stored)
    capsys.readouterr()
    assert cli.run(line.split()) == 5
    assert "has the SHA-256" in capsys.readouterr().err
