"""The models of the package: their names, files, cards and figures. A path that exists goes before a name.

Each is a file `.tmz` beside its card (`.md`) and the record of where it comes from (`.json`), all written by
`tools/train_demo_model.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transmodal.errors import UsageError
from transmodal.storage import files, regular

FOLDER = Path(__file__).parent
ENDING = ".tmz"
SHORT = "demo:"
"""Begins another name of a demonstration model: `demo:t1-to-fa` is `t1-to-fa-demo`."""


def names() -> tuple[str, ...]:
    """Return the names of the models that come with the package, in order."""
    return tuple(sorted(path.stem for path in FOLDER.glob(f"*{ENDING}")))


def resolve(run: Path | str) -> Path:
    """Return the file of a model of the package where a word is its name, and any other word as a path.

    Args:
        run: a path, a name of `names`, or `demo:` with a task; what lies at such a path goes before the name.

    Raises:
        UsageError: E002 for a task after `demo:` that no model of the package has.
    """
    word, path = str(run), Path(run)
    if path.exists():
        return path
    if word in names():
        return _file(word)
    if not word.startswith(SHORT):
        return path
    name = f"{word.removeprefix(SHORT)}-demo"
    if name not in names():
        raise _unknown(word)
    return _file(name)


def is_own(path: Path) -> bool:
    """Tell whether a file is a model of the package, beside which nothing is written."""
    return path.suffix == ENDING and path.resolve().parent == FOLDER.resolve()


def read_card(name: str) -> str:
    """Return the card of a model of the package, Markdown.

    Raises:
        UsageError: E002 for another name.
    """
    return regular.read_text(_file(_name_of(name)).with_suffix(".md"))


def read_record(name: str) -> dict[str, Any]:
    """Return what a model of the package comes from, its size, its SHA-256 and its figures.

    Raises:
        UsageError: E002 for another name.
    """
    return files.read_json(_file(_name_of(name)).with_suffix(".json"))


def _name_of(word: str) -> str:
    """Return the name of a model, from its name or from `demo:` with its task."""
    path = resolve(word)
    if not is_own(path):
        raise _unknown(word)
    return path.stem


def _file(name: str) -> Path:
    return FOLDER / f"{name}{ENDING}"


def _unknown(word: str) -> UsageError:
    return UsageError(
        "E002", f"no model {word} in the package", ", ".join(names()), "List them: transmodal models."
    )
