"""The command line as a whole: quick, torch-free, one line per error."""

from __future__ import annotations

import logging
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


@pytest.mark.parametrize(
    ("error", "status", "part"),
    [
        (MemoryError(), 4, "error[E402]"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 4, "error[E402]"),
        (KeyboardInterrupt(), 130, "goes on from where it stopped"),
        (RuntimeError("oh"), 6, "error[E601]: RuntimeError"),
        (BrokenPipeError(), 0, ""),
    ],
)
def test_what_a_verb_raises_becomes_a_status(
    error: BaseException,
    status: int,
    part: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> list[str]:
        raise error

    monkeypatch.setattr("transmodal.translators.names", fail)
    assert cli.run(["translators"]) == status
    assert part in capsys.readouterr().err


def test_python_m_transmodal_runs_it() -> None:
    done = subprocess.run([sys.executable, "-m", "transmodal", "translators"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "pix2pix" in done.stdout
    failed = subprocess.run([sys.executable, "-m", "transmodal", "nothing"], capture_output=True, text=True)
    assert failed.returncode == 2


def test_recipes_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["recipes"]) == 0
    assert "t1-to-fa-small" in capsys.readouterr().out
    assert cli.run(["recipes", "t1-to-fa-small"]) == 0
    shown = capsys.readouterr().out
    assert "spacing_mm: 2.0" in shown
    assert "overlap: 0.5" in shown


def test_the_package_offers_its_verbs() -> None:
    import transmodal

    assert set(dir(transmodal)) == set(transmodal.__all__)
    for name in transmodal.__all__:
        assert getattr(transmodal, name)
    with pytest.raises(AttributeError, match="nothing"):
        transmodal.nothing  # noqa: B018


def test_a_quiet_command_silences_none_after_it(caplog: pytest.LogCaptureFixture) -> None:
    assert cli.run(["--quiet", "recipes"]) == 0
    logging.getLogger("transmodal.cohorts").warning("heard")
    assert "heard" in caplog.text


@pytest.mark.parametrize(
    ("word", "advice"),
    [
        ("predict", "Did you mean translate?"),
        ("Score", "Did you mean evaluate?"),
        ("info", "Did you mean doctor?"),
        ("trian", "Did you mean train?"),
        ("help", "Call transmodal --help, or transmodal VERB --help."),
        ("version", "Did you mean --version?"),
        ("zzz", "See transmodal --help."),
    ],
)
def test_another_word_for_a_verb_leads_to_it(
    word: str, advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run([word, "run", "--quiet"]) == 2
    line = f"error[E002]: no verb '{word}'; expected one that transmodal --help lists. {advice}\n"
    assert capsys.readouterr().err == line


def test_the_words_of_others_lead_to_verbs_that_there_are() -> None:
    assert set(cli.SYNONYMS.values()) <= {*cli.VERBS, "--help", "--version"}
    assert not set(cli.SYNONYMS) & set(cli.VERBS)
