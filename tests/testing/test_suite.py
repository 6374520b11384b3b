"""Parts of a plugin are held to the contracts by options of pytest, in a process and a folder of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import transmodal
from plugin_kits import LAYOUT, METRIC, TRANSLATOR, install

FAULTY = {
    "line": TRANSLATOR.replace(
        "self.line(source.float())", "self.line(source.float()) + torch.rand(1)"
    ).replace("from torch import", "import torch\nfrom torch import"),
    "night": LAYOUT.replace("parts[name], reading=reading", "parts[name]"),
    "contrast": METRIC.replace('"higher"', '"lower"'),
}


def run_pytest(place: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in an empty folder beside a distribution, with the contracts as a plugin."""
    folder.mkdir(exist_ok=True)
    path = [str(place), str(Path(transmodal.__file__).parents[1])]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "COLUMNS": "200",
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "transmodal.testing",
        *words,
    ]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


SELECT = [
    "--transmodal-translator=line",
    "--transmodal-layout=night_shift",
    "--transmodal-metric=contrast_kept",
]


def test_parts_that_work_pass(tmp_path: Path) -> None:
    place = install(tmp_path / "installed")
    done = run_pytest(place, tmp_path / "here", *SELECT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "47 passed, 2 skipped" in done.stdout


def test_parts_that_break_a_promise_fail_by_its_name(tmp_path: Path) -> None:
    place = install(tmp_path / "installed", modules=FAULTY)
    done = run_pytest(place, tmp_path / "here", *SELECT)
    assert done.returncode == 1, done.stdout + done.stderr
    for test in (
        "TestTranslator::test_translating_draws_nothing[line-train-0]",
        "TestLayout::test_the_cases_are_read_as_the_user_says[night_shift]",
        "TestMetric::test_more_noise_is_no_improvement[contrast_kept]",
    ):
        assert f"::{test}" in done.stdout, done.stdout


def test_a_setting_reaches_the_translator_and_a_folder_the_layout(tmp_path: Path) -> None:
    place = install(tmp_path / "installed")
    done = run_pytest(place, tmp_path / "here", "--transmodal-translator=line", "--transmodal-set=widht=4")
    assert "line has no setting widht" in done.stdout
    (tmp_path / "scans").mkdir()
    words = ["--transmodal-layout=night_shift", f"--transmodal-example={tmp_path}/scans", "-k", "prepared"]
    done = run_pytest(place, tmp_path / "here", *words)
    assert "E100" in done.stdout


def test_a_part_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, tmp_path / "here", "--transmodal-metric=none_such")
    assert done.returncode == 1
    assert "the metric none_such" in done.stdout
