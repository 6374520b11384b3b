"""The promises: `promises.yaml` as records, and whether the tests that they name exist."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

ROOT = Path(__file__).parents[2]
State = Literal["holds", "part", "not met", "service"]
"""Whether a promise holds as its target says; one of a service that does not exist yet applies with it."""


class Promise(NamedTuple):
    """One row of the page.

    Attributes:
        number: of the row.
        promise: in words.
        target: by which it counts as kept.
        figure: how our figure is taken: a function of `promises.page`; empty where nothing is measured.
        tests: ids that hold it, `path::name`.
        state: as far as is known beside the figure.
        gap: what is missing against the target.
        peers: what others do or did, with the source.
    """

    number: int
    promise: str
    target: str
    figure: str = ""
    tests: Sequence[str] = ()
    state: State = "holds"
    gap: str = ""
    peers: str = ""


@cache
def read_promises() -> tuple[Promise, ...]:
    """Return the promises in order.

    Raises:
        TypeError: for a row with another key than those of `Promise`.
    """
    rows: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("promises.yaml").read_text("utf-8"))
    return tuple(Promise(**row) for row in rows)


def is_there(test: str) -> bool:
    """Return whether a test of that id exists; the file is parsed and not run."""
    path, _, name = test.partition("::")
    return name in _functions(ROOT / path)


@cache
def _functions(path: Path) -> frozenset[str]:
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))
