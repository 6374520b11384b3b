"""Names say what things are: pronouns and bare participles are counted, and stay rare."""

from __future__ import annotations

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
