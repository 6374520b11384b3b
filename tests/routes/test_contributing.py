"""CONTRIBUTING's sections on adding things, followed word by word on a copy of the repository."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
COPIED = (
    "src",
    "tests",
    "docs",
    "tools",
    "pyproject.toml",
    "mkdocs.yml",
    ".importlinter",
    "README.md",
    "CONTRIBUTING.md",
)
LEFT = shutil.ignore_patterns("__pycache__", "embedded", "results", "images")
ADDED = {
    "a paper in three files": 4,  # and its page
    "a layout in one file": 3,  # its test and its page
    "a metric in one file": 2,
    "a modality in one line": 1,
    "an engine in one file": 2,
}
"""Files that are written by hand, by section."""


class Section(NamedTuple):
    """A section's files by their path, and the commands at its end."""

    files: dict[str, str]
    commands: list[str]


def section(title: str) -> Section:
    """Read a section: a line with a path in backticks, then a block of code; a block of bash to run."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    _, _, rest = text.partition(f"\n## Add {title}\n")
    body = rest.partition("\n## ")[0]
    files = dict(re.findall(r"^`([\w/.-]+)`\n```\w+\n(.*?)^```$", body, re.MULTILINE | re.DOTALL))
    (commands,) = re.findall(r"^```bash\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)
    return Section(files, commands.splitlines())


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a copy of the repository, with links to what no section touches."""
    copy = tmp_path / "repository"
    copy.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=LEFT)
        else:
            shutil.copy(ROOT / name, copy / name)
    for path in ("src/transmodal/volumes/embedded", "docs/results", "docs/images"):
        (copy / path).symlink_to(ROOT / path)
    return copy


def add(path: Path, text: str) -> None:
    """Write a file; a line of a tuple goes to its end."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return
    before, tuple_, after = path.read_text(encoding="utf-8").partition(
        "\nMODALITIES: tuple[Modality, ...] = (\n"
    )
    assert tuple_
    path.write_text(f"{before}{tuple_}{text}{after}", encoding="utf-8")


@pytest.mark.parametrize("title", ADDED)
def test_it_is_as_short_as_it_is_said_to_be(title: str, repository: Path) -> None:
    files, commands = section(title)
    assert len(files) == ADDED[title]
    assert len(commands) >= 1
    for path, text in files.items():
        add(repository / path, text)
    environment = {**os.environ, "PYTHONPATH": str(repository / "src"), "OMP_NUM_THREADS": "1"}
    for command in commands:
        words = shlex.split(command)
        assert words[0] == "python"
        if "pytest" in words:
            words += ["-q", "-p", "no:cacheprovider", "-p", "no:cov"]
        done = subprocess.run(
            [sys.executable, *words[1:]], cwd=repository, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert "no tests ran" not in done.stdout


def test_what_is_added_passes_the_linters(repository: Path) -> None:
    paths = []
    for title in ADDED:
        for path, text in section(title).files.items():
            add(repository / path, text)
            paths += [path] if path.endswith(".py") else []
    for words in (["ruff", "check", *paths], ["ruff", "format", "--check", *paths]):
        done = subprocess.run([sys.executable, "-m", *words], cwd=repository, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
