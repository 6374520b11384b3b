"""The command line as a whole: quick, torch-free, one line per error."""

from __future__ import annotations

import subprocess
import sys

import pytest

from transmodal import cli


def test_importing_the_package_brings_no_torch() -> None:
    code = "import sys, transmodal, transmodal.cli; print('torch' in sys.modules, 'SimpleITK' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_help_brings_no_torch() -> None:
    code = (
        "import sys\nfrom transmodal import cli\n"
        "status = cli.run(['--help'])\nprint(status, 'torch' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "0 False False"
    assert "Not a medical device" in done.stdout


@pytest.mark.parametrize("verb", sorted(cli.VERBS))
def test_every_verb_has_help_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([verb, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Example" in shown
    assert f"transmodal {verb}" in shown


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["translat"], "translat"),
        (["train"], "Missing"),
        (["train", "no-such-recipe", "--cohort", "c", "-o", "r"], "no-such-recipe"),
        (["demo", "--task", "t9-to-fa"], "t9-to-fa"),
    ],
)
def test_usage_errors_are_one_line_and_exit_2(
    words: list[str], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("error[E00")
    assert part in error


def test_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("transmodal 0.")
