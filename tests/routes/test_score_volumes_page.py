"""The page about other tools' volumes: every command on it runs, on phantoms laid out as those tools lay them out."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from transmodal import cli
from transmodal.volumes import Grid, Volume, io
from transmodal.volumes.geometry.reorient import reorient, resample

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "score-volumes.md"
SHAPE = (24, 28, 22)
SYNTHETIC = "images/synthetic-ct"
AFFINE = np.array([[-4.0, 0, 0, 50], [0, -4, 0, 60], [0, 0, 4, -40], [0, 0, 0, 1]])


def _commands() -> list[list[str]]:
    blocks = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines() if line]


def _write_jobs(folder: Path, cases: list[str]) -> None:
    """Write what Grand Challenge says of a container's jobs."""
    body, image = {"slug": "body"}, {"slug": "synthetic-ct-image", "relative_path": SYNTHETIC}
    jobs = [
        {
            "pk": f"8c{int(case[3:])}f",
            "inputs": [{"interface": body, "image": {"name": f"mask_{case}.mha"}}],
            "outputs": [{"interface": image, "image": {"name": "output.mha"}}],
        }
        for case in cases
    ]
    (folder / "jobs" / "predictions.json").write_text(json.dumps(jobs))


def _make_case(n: int) -> dict[str, Volume]:
    draw = np.random.default_rng(n)
    i, j, k = np.indices(SHAPE).astype(float)
    inside = ((i - 11) / 9) ** 2 + ((j - 14) / 11) ** 2 + ((k - 11 - 0.1 * i) / 9) ** 2 < 1
    texture = np.sin(i / 3 + n) * np.cos(j / 4) + 0.2 * draw.standard_normal(SHAPE)
    arrays = {
        "source": np.where(inside, 300 + 100 * texture, 2),
        "ct": np.where(inside, 50 + 200 * texture + 20 * i, -1000),
        "t1": np.where(inside, 600 - 200 * texture + 10 * i, 3),
    }
    volumes = {name: Volume(voxels.astype(np.float32), AFFINE) for name, voxels in arrays.items()}
    return {**volumes, "mask": Volume(inside.astype(np.uint8), AFFINE)}


def _write(volume: Volume, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    io.write(volume, path)


def _noisy(volume: Volume, n: int, noise: float) -> Volume:
    error = np.random.default_rng(50 + n).normal(0, noise, SHAPE)
    return volume.with_voxels((volume.voxels + error).astype(np.float32))


def _synthsr(t1: Volume) -> Volume:
    """Return an image as SynthSR writes it: axes along the world's, another spacing, values from 0 to 128."""
    upright = reorient(t1)
    finer = upright.affine @ np.diag([0.5, 0.5, 0.5, 1.0])
    fine = resample(upright, Grid((48, 56, 44), finer))
    return fine.with_voxels(np.clip(fine.voxels / 8, 0, 128).astype(np.float32))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    for n in range(1, 9):
        case, volumes = f"1BA{n:03d}", _make_case(n)
        for name, part in (("mr", "source"), ("ct", "ct"), ("mask", "mask")):
            _write(volumes[part], folder / "subjects" / case / f"{name}.nii.gz")
        for name, part in (("t2", "source"), ("t1", "t1"), ("mask", "mask")):
            _write(volumes[part], folder / "ixi" / case / f"{name}.nii.gz")
    for subjects, cohort in (("subjects", "brain"), ("ixi", "t2-t1")):
        line = f"prepare folders {folder}/{subjects} -o {folder}/{cohort} --counts 1:1:6 --workers 1 --copies ignore"
        assert cli.run(line.split()) == 0
        cases = json.loads((folder / cohort / "split.json").read_text())["test"]
        for case in cases:
            n = int(case[3:])
            _write_outputs(folder, case, n, cohort)
        if cohort == "brain":
            _write_jobs(folder, cases)
    for name in ("dataset.json", "plans.json", "predict_from_raw_data_args.json"):
        (folder / "nnunet-out" / name).write_text("{}")
    return folder


def _write_outputs(folder: Path, case: str, n: int, cohort: str) -> None:
    volumes = _make_case(n)
    if cohort == "t2-t1":
        _write(_synthsr(_noisy(volumes["t1"], n, 20)), folder / "synthsr-out" / f"{case}_SynthSR.nii.gz")
        return
    rounded = _noisy(volumes["ct"], n, 40)
    konfai = folder / "Predictions" / "TRAIN_01" / "Dataset" / case
    _write(rounded.with_voxels(np.rint(rounded.voxels).astype(np.int16)), konfai / "sCT.mha")
    _write(volumes["source"], konfai / "MR.mha")
    _write(_noisy(volumes["ct"], n, 60), folder / "nnunet-out" / f"{case}.nii.gz")
    _write(_noisy(volumes["ct"], n, 20), folder / "sct" / f"sct_{case}.nii.gz")
    _write(_noisy(volumes["ct"], n, 30), folder / "jobs" / f"8c{n}f" / "output" / SYNTHETIC / "output.mha")
    for part in ("ct", "mask"):
        target = folder / {"ct": "ct", "mask": "masks"}[part] / f"{part}_{case}.nii.gz"
        target.parent.mkdir(exist_ok=True)
        shutil.copy(folder / "subjects" / case / f"{part}.nii.gz", target)


def test_every_command_of_the_page_runs(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    (block,) = re.findall(r"^```python\n(import json\n.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    exec(compile(block, PAGE.name, "exec"), {})
    commands = _commands()
    assert len(commands) == 10
    printed = {}
    for program, *words in commands:
        assert program == "transmodal"
        assert cli.run(words) == 0, (words, capsys.readouterr().err)
        printed[" ".join(words)] = capsys.readouterr().out
    text = "\n".join(printed.values())
    assert text.count("agree exactly") == 2
    assert "SSIM_SYNTHRAD2023" in text
    assert "WARNING" not in text
    synthsr = json.loads((place / "synthsr" / "evaluation.json").read_text())
    assert all(
        "resampled onto it" in protocol and "by a line per program" in protocol
        for protocol in synthsr["protocols"]
    )
    entries = json.loads((place / "board" / "leaderboard.json").read_text())["entries"]
    assert [entry["name"] for entry in entries if entry["rank"]] == ["konfai", "nnunet"]
