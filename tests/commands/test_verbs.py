"""The verbs by name and line: what the page of all says is what each says, and it imports none of them."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from transmodal import cli, commands
from transmodal.commands._verbs import VERBS, whole


@pytest.mark.parametrize("name", sorted(VERBS))
def test_a_line_is_the_first_of_the_verbs_own_help(name: str) -> None:
    verb = whole(name)
    assert verb.name == name
    assert (verb.help or "").split("\n\n")[0].replace("\n", " ") == VERBS[name]
    assert verb.params


def test_every_file_of_a_verb_is_a_verb() -> None:
    files = {path.stem for path in Path(inspect.getfile(commands)).parent.glob("[!_]*.py")}
    named = {"import_weights" if name == "import" else name.replace("-", "_") for name in VERBS}
    assert named == files
    assert all(callable(importlib.import_module(f"transmodal.commands.{file}").run) for file in files)


def test_the_page_of_all_names_every_verb_and_imports_none() -> None:
    code = (
        "import sys\nfrom transmodal import cli\nstatus = cli.run(['--help'])\n"
        "verbs = [name for name in sys.modules if name.startswith('transmodal.')]\n"
        "print(status, *sorted(verbs))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *page, last = done.stdout.strip().splitlines()
    shown = {line.split()[1] for line in page if line.startswith("│") and line[2] not in " -"}
    assert shown == set(VERBS)
    assert last.split() == [
        "0",
        *(
            f"transmodal.{name}"
            for name in (
                "_version",
                "cli",
                "commands",
                "commands._lean_pages",
                "commands._verbs",
                "errors",
                "notice",
                "storage",
                "storage.process_memory",
                "storage.process_memory.collecting",
            )
        ),
    ]


def test_a_verb_that_is_called_imports_no_other() -> None:
    code = (
        "import sys\nfrom transmodal import cli\nstatus = cli.run(['recipes', '--help'])\n"
        "files = [name for name in sys.modules if name.startswith('transmodal.commands.')]\n"
        "print(status, *(name for name in files if not name.split('.')[-1].startswith('_')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "0 transmodal.commands.recipes"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("transmodal tr", ["train", "translate", "translators"]),
        ("transmodal translate --disa", ["--disagreement"]),
    ],
)
def test_words_are_completed(words: str, found: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    shell = {
        "_TRANSMODAL_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    for name, value in shell.items():
        monkeypatch.setenv(name, value)
    done = subprocess.run([sys.executable, "-m", "transmodal"], capture_output=True, text=True, check=False)
    assert done.stdout.split() == found


def test_an_unknown_verb_is_none_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["translatee"]) == 2
    assert "Did you mean translate?" in capsys.readouterr().err
