"""The doors for scripts and shells: JSON on standard output, quiet on standard error or behind the verb, quick help."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from subject_files import tiny_recipe, write_blob
from transmodal import cli

STEP = "{epochs: 1, batch: 4, samples_per_epoch: 4, device: cpu}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three subjects as files, and a recipe of one step."""
    folder = tmp_path_factory.mktemp("doors")
    for n in range(3):
        write_blob(folder / "subjects" / f"case-{n}", n)
    (folder / "tiny.yaml").write_text(tiny_recipe(data="{}", settings="{width: 4, levels: 1}", training=STEP))
    return folder


def printed(line: str, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """Return the one object that a call prints."""
    capsys.readouterr()
    assert cli.run(line.split()) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_verbs_print_one_object(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cohort, run = tmp_path / "cohort", tmp_path / "run"
    one = printed(f"prepare folders {place}/subjects -o {cohort} --counts 1:1:1 --workers 1 --json", capsys)
    assert (one["cases"], one["split"]) == (3, {"train": 1, "validation": 1, "test": 1})
    assert Path(str(one["page"])).is_file()
    one = printed(f"train {place}/tiny.yaml --cohort {cohort} -o {run} --json", capsys)
    assert (one["run"], one["steps"], one["metric"]) == (str(run), 1, "mae")
    one = printed(f"evaluate {run} --cohort {cohort} --oracles none --save-volumes --json", capsys)
    assert Path(str(one["report"])).is_file()
    assert isinstance(one["summary"], list)
    assert {row["metric"] for row in one["summary"]} == {"mae", "psnr", "ssim"}
    one = printed(f"compare {run} --json", capsys)
    assert one["folder"] is None
    assert isinstance(one["rows"], list)
    one = printed(f"check {run} --cohort {cohort} --json", capsys)
    assert one["volumes"] == 1
    assert one["figures"]
    assert "t1-to-fa-small" in str(printed("recipes --json", capsys)["recipes"])
    assert printed("recipes t1-to-fa-small --json", capsys)["translator"] == "unet_regression"


def test_quiet_leaves_results_and_errors(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = f"prepare folders {place}/subjects -o {tmp_path}/c --counts 1:1:1 --workers 1"
    assert cli.run(["--quiet", *line.split()]) == 0
    shown = capsys.readouterr()
    assert "3 cases" in shown.out
    assert shown.err == ""
    assert cli.run([*line.split(), "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert cli.run(line.split()) == 0
    assert capsys.readouterr().err != ""
    assert cli.run(["train", "no-such", "--quiet", "--cohort", "c", "-o", "r"]) == 2
    assert capsys.readouterr().err.startswith("error[E002]")


def test_help_takes_less_than_half_a_second() -> None:
    """Of the processor's time: what else a machine does is not the command's."""
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "transmodal", "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert min(seconds) < 0.5
