"""Count names that say nothing: pronouns, pointing words and bare participles among assigned and parameter names.

    python tools/check_names.py                  # the share, and the most frequent of them
    python tools/check_names.py --places         # where each of them stands
    python tools/check_names.py --places src/transmodal/cohorts

Counted are assigned names, parameters, fields, functions and classes of `src/transmodal`; a name counts as vague when it
is one of the words below, leading and trailing underscores aside. The exit status is 1 where their share is `LIMIT` or more.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).parents[1] / "src" / "transmodal"
LIMIT = 0.005
PRONOUNS = frozenset(
    [
        "all",
        "any",
        "anything",
        "both",
        "each",
        "either",
        "every",
        "everything",
        "here",
        "it",
        "nothing",
        "one",
        "ones",
        "other",
        "others",
        "rest",
        "same",
        "some",
        "something",
        "such",
        "that",
        "them",
        "there",
        "these",
        "they",
        "thing",
        "things",
        "this",
        "those",
        "what",
        "where",
        "which",
        "who",
        "whom",
        "whose",
    ]
)
PARTICIPLES = frozenset(
    [
        "asked",
        "begun",
        "bent",
        "chosen",
        "come",
        "cut_out",
        "done",
        "drawn",
        "fallen",
        "felt",
        "found",
        "gone",
        "given",
        "got",
        "had",
        "held",
        "kept",
        "known",
        "lacking",
        "laid",
        "left",
        "lying",
        "made",
        "meant",
        "met",
        "missed",
        "named",
        "needed",
        "planned",
        "put",
        "raised",
        "said",
        "seen",
        "sent",
        "set_aside",
        "shown",
        "sought",
        "spoken",
        "standing",
        "stated",
        "stood",
        "taken",
        "thought",
        "told",
        "tried",
        "used",
        "wanted",
        "went",
        "written",
    ]
)
VAGUE = PRONOUNS | PARTICIPLES


class Place(NamedTuple):
    """A name where it is assigned."""

    file: Path
    line: int
    name: str


def names_of(file: Path) -> Iterator[Place]:
    """Yield every assigned name, parameter, field, function and class of a file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield Place(file, node.lineno, node.id)
        elif isinstance(node, ast.arg):
            yield Place(file, node.lineno, node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield Place(file, node.lineno, node.name)


def is_vague(name: str) -> bool:
    """Say whether a name is a pronoun or a bare participle."""
    return not name.startswith("__") and name.strip("_").lower() in VAGUE


def count(folder: Path = SOURCE) -> tuple[list[Place], int]:
    """Return the vague names below a folder, and how many names there are."""
    files = [folder] if folder.is_file() else sorted(folder.rglob("*.py"))
    places = [place for file in files for place in names_of(file)]
    return [place for place in places if is_vague(place.name)], len(places)


def openings(file: Path) -> Iterator[str]:
    """Yield the first line of every docstring of a file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)):
            yield from (ast.get_docstring(node) or "").splitlines()[:1]


def main(arguments: list[str]) -> int:
    """Print the share of vague names, and where they stand if asked for."""
    folders = [Path(word) for word in arguments if not word.startswith("--")] or [SOURCE]
    vague: list[Place] = []
    total = 0
    for folder in folders:
        places, number = count(folder)
        vague += places
        total += number
    if "--places" in arguments:
        for place in vague:
            print(f"{place.file}:{place.line}: {place.name}")
    frequent = ", ".join(
        f"{name} {number}" for name, number in Counter(p.name for p in vague).most_common(12)
    )
    share = len(vague) / max(total, 1)
    print(
        f"{len(vague)} of {total} names are vague: {100 * share:.2f} % (limit {100 * LIMIT:g} %). {frequent}"
    )
    return int(share >= LIMIT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
