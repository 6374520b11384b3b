"""Names say what things are: pronouns and bare participles are counted, and stay rare."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("check_names", ROOT / "tools" / "check_names.py")
assert SPEC is not None
assert SPEC.loader is not None
check_names = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check_names)


def test_vague_names_are_under_half_a_percent(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_names.main([]) == 0, capsys.readouterr().out


def test_every_kind_of_binding_is_counted(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(
        "class Found:\n"
        "    wanted: int = 1\n"
        "def told(what, volume):\n"
        "    _kept, mask = 1, [one for one in volume]\n"
        "    return mask\n"
    )
    places, total = check_names.count(tmp_path)
    assert sorted(place.name for place in places) == ["Found", "_kept", "one", "told", "wanted", "what"]
    assert total == 8
    assert check_names.main([str(tmp_path)]) == 1


def test_no_docstring_opens_like_a_riddle() -> None:
    """A docstring says what a thing is or does; it does not open with a question word."""
    riddles = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in sorted(check_names.SOURCE.rglob("*.py"))
        for line in check_names.openings(path)
        if line.split()[0] in ("What", "Who", "Whoever", "Whose")
    ]
    assert not riddles


CHAPTERS = frozenset({"Config", "Outputs", "Options"})
"""Classes that every translator or every layout has, each its own."""


def shared_class_names(source: Path) -> dict[str, list[str]]:
    """Return the public classes that several modules define; papers, each a chapter of its own, are left aside."""
    places: dict[str, list[str]] = {}
    for path in sorted(source.rglob("*.py")):
        module = path.relative_to(source)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_public = isinstance(node, ast.ClassDef) and not node.name.startswith("_")
            if is_public and module.parts[0] != "translators":
                places.setdefault(node.name, []).append(module.as_posix())
    return {name: modules for name, modules in places.items() if len(modules) > 1 and name not in CHAPTERS}


def test_a_class_name_is_of_one_thing() -> None:
    assert shared_class_names(check_names.SOURCE) == {}


def test_a_name_of_two_classes_is_seen_and_those_of_papers_are_not(tmp_path: Path) -> None:
    for name in ("volumes/a.py", "cohorts/b.py", "translators/mrnet/c.py", "translators/ppt/d.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        word = "Tissue" if name.startswith(("volumes", "cohorts")) else "Generator"
        (tmp_path / name).write_text(f"class {word}:\n    class _Place: ...\n    class Config: ...\n")
    assert shared_class_names(tmp_path) == {"Tissue": ["cohorts/b.py", "volumes/a.py"]}
