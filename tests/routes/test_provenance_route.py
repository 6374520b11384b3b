"""Provenance, as a user goes: translate on two threads, verify, tamper, and make the same bytes again on one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from transmodal import cli
from transmodal.inference.provenance import environment
from transmodal.storage import sealed
from transmodal.volumes import io

EARLIER = Path(__file__).parent.parent / "contract" / "earlier"
SOURCE = "source-t1.nii.gz"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of a cohort and a run, which is the working directory."""
    shutil.copytree(EARLIER, tmp_path / "earlier")
    monkeypatch.chdir(tmp_path / "earlier")
    return tmp_path / "earlier"


def call(line: str, threads: int) -> str:
    """Run the command line in a process of so many threads; return what it prints."""
    finished = subprocess.run(
        [sys.executable, "-m", "transmodal", *line.split(), "--quiet"],
        env=os.environ | dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads)),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    return finished.stdout


def threads(sidecar: str) -> int:
    """Return on how many threads the image of a sidecar was made."""
    number: int = sealed.read(Path(sidecar)).content["environment"]["threads"]
    return number


def test_two_threads_recorded_are_two_threads_reproduced(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    translate = f"translate run {SOURCE} --force --axes"
    call(f"{translate} x,y,z -o two.nii.gz", threads=2)
    with environment.threads(1):
        assert cli.run(f"{translate} z -o one.nii.gz".split()) == 0
    # Whether sums of two threads round otherwise depends on the processor: the record tells how many there were.
    assert (threads("one.json"), threads("two.json")) == (1, 2)
    said = call(f"reproduce two.json --source {SOURCE} -o again.nii.gz", threads=1)
    assert threads("again.json") == 2
    assert said == "equal: two.nii.gz, byte for byte\n"
    assert (folders / "again.nii.gz").read_bytes() == (folders / "two.nii.gz").read_bytes()
    assert cli.run(["verify", "again.nii.gz", "--run", "run"]) == 0
    volume = io.read(folders / "again.nii.gz")
    voxels = volume.voxels.copy()
    voxels[7, 8, 5] += 0.25
    io.write(volume.with_voxels(voxels), folders / "again.nii.gz")
    capsys.readouterr()
    assert cli.run(["verify", "again.json"]) == 5
    assert "again.nii.gz is not the image of its sidecar: it has other voxels" in capsys.readouterr().out
    shutil.copy(folders / "one.json", folders / "two.json")
    assert cli.run(["verify", "two.nii.gz"]) == 5
    assert "two.nii.gz is not the image of its sidecar" in capsys.readouterr().out
