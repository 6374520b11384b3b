"""Tutorials: each command of a page runs, in the page's order and from an empty folder, with shorter trainings and fewer subjects."""

from __future__ import annotations

import re
import shlex
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from transmodal import cli

FOLDER = Path(__file__).parents[2] / "docs" / "tutorials"
PAGES = sorted(path.stem for path in FOLDER.glob("*.md") if path.stem != "index")
COARSE_MM = {"unpaired": "4", "colour": "4"}
"""Coarser heads do not suffice to find brains in T2, or for a metric's least side of a slice."""

FEWER = {
    "colour": ("4", "2:1:1"),
    "missing-modality": ("4", "2:1:1"),
    "score-another-tool": ("5", "2:1:2"),
    "t1-to-fa": ("6", "2:1:3"),
    "your-paper": ("4", "2:1:1"),
}
"""Subjects and their split, where a page names few of them."""

SHORT = [
    *("--set", "training.epochs=1", "--set", "training.samples_per_epoch=4"),
    *("--set", "training.batch=2", "--set", "settings.width=4"),
]


def _commands(page: str) -> list[list[str]]:
    text = (FOLDER / f"{page}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines() if line]


def _shorten(words: list[str], page: str) -> list[str]:
    fewer = dict(zip(("--subjects", "--counts"), FEWER.get(page, ()), strict=False))
    words = [words[0], *(fewer.get(name, word) for name, word in pairwise(words))]
    match words[0]:
        case "atlas":
            return [*words, "--spacing-mm", COARSE_MM.get(page, "6"), "--workers", "1"]
        case "prepare":
            return [*words, "--workers", "1"] if "--dry-run" not in words else words
        case "train":
            return [*words, *SHORT]
    return words


def _write_files(page: str) -> None:
    """Write the files that a page shows below their names."""
    text = (FOLDER / f"{page}.md").read_text(encoding="utf-8")
    for name, content in re.findall(
        r"^`([\w-]+/[\w.-]+)`\n```\w+\n(.*?)^```", text, re.MULTILINE | re.DOTALL
    ):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(content, encoding="utf-8")


def _install(kit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a distribution where Python looks, with the metadata that pip would write of it."""
    project = tomllib.loads((kit / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    metadata = kit / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (metadata / "METADATA").write_text(head, encoding="utf-8")
    groups = [
        "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())])
        for group, entries in project["entry-points"].items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(groups) + "\n", encoding="utf-8")
    monkeypatch.syspath_prepend(kit.resolve())


def _remove(patterns: list[str]) -> None:
    for pattern in patterns:
        paths = list(Path().glob(pattern))
        assert paths, pattern
        for path in paths:
            path.unlink()


@pytest.mark.parametrize("page", PAGES)
def test_a_tutorial_runs_from_an_empty_folder(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    commands = _commands(page)
    _write_files(page)
    assert {"atlas", "prepare", "train", "translate", "evaluate"} <= {words[1] for words in commands}
    for program, *words in commands:
        if program == "rm":
            _remove(words)
            continue
        if program == "pip":
            assert words[0] == "install"
            _install(Path(words[1]), monkeypatch)
            continue
        assert program == "transmodal"
        assert cli.run(_shorten(words, page)) == 0, (shlex.join(words), capsys.readouterr())
    translations = [words[words.index("-o") + 1] for words in commands if words[1] == "translate"]
    for name in translations:
        assert Path(name).exists(), name


def test_every_tutorial_is_in_the_list() -> None:
    listed = re.findall(r"\(([\w-]+)\.md\)", (FOLDER / "index.md").read_text(encoding="utf-8"))
    assert sorted(listed) == PAGES
