"""Sizes of the house: a package that is opened shows its parts at a glance, a file is a chapter, a function a thought."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "transmodal"
LISTS = ("commands", "translators", "cohorts/layouts")
"""Packages that are lists of like things, however many there are."""

MOST_MODULES = 15
MOST_LINES, MOST_LINES_OF_NINE_TENTHS = 400, 280
MOST_STATEMENT_LINES, MOST_STATEMENT_LINES_OF_NINE_TENTHS = 60, 18


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def crowded(paths: list[Path]) -> dict[str, int]:
    """Return the packages with more modules at one level than a reader takes in, and how many they have."""
    sizes = Counter(path.parent.as_posix() for path in paths if path.stem != "__init__")
    return {folder: size for folder, size in sizes.items() if size > MOST_MODULES and folder not in LISTS}


def statement_lines(source: str) -> dict[str, int]:
    """Return how many lines each function has below its signature and docstring."""
    functions = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return {f"{node.name}:{node.lineno}": _lines_of(node) for node in functions}


def _lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    statements = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (statements[-1].end_lineno or 0) - statements[0].lineno + 1 if statements else 0


def at_nine_tenths(sizes: list[int]) -> int:
    return sorted(sizes)[int(0.9 * len(sizes))]


def test_no_package_is_crowded() -> None:
    assert crowded([path.relative_to(SOURCE) for path in modules()]) == {}


def test_files_are_chapters() -> None:
    sizes = {path.relative_to(SOURCE).as_posix(): len(path.read_text().splitlines()) for path in modules()}
    assert {name: size for name, size in sizes.items() if size > MOST_LINES} == {}
    assert at_nine_tenths(list(sizes.values())) <= MOST_LINES_OF_NINE_TENTHS


def test_functions_are_short() -> None:
    sizes = {
        f"{path.relative_to(SOURCE)}:{function}": size
        for path in modules()
        for function, size in statement_lines(path.read_text()).items()
    }
    assert {name: size for name, size in sizes.items() if size > MOST_STATEMENT_LINES} == {}
    assert at_nine_tenths(list(sizes.values())) <= MOST_STATEMENT_LINES_OF_NINE_TENTHS


def test_what_is_too_large_is_seen() -> None:
    paths = [Path("a") / f"{number}.py" for number in range(16)] + [Path("a/__init__.py"), Path("b/c.py")]
    assert crowded(paths) == {"a": 16}
    assert crowded([Path("commands") / path.name for path in paths]) == {}
    assert statement_lines(
        'def f(\n    a,\n):\n    """Text.\n\n    More.\n    """\n    b = a\n\n    return b\n'
    ) == {"f:1": 3}


@pytest.mark.parametrize("folder", LISTS)
def test_a_list_is_a_package(folder: str) -> None:
    assert (SOURCE / folder / "__init__.py").is_file()
