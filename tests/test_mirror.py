"""Tests mirror the package: `a/b.py` is tested by `tests/a/test_b.py`, and whoever looks for a test finds it by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "transmodal"
CHAPTERS = ("config", "generator", "translator")
"""Files of a paper that are tested as one: whether a generator is the paper's shows in what the translator makes of it."""


def place_of(module: Path) -> Path:
    """Return where the tests of a module stand, below `tests`; both are relative."""
    folder, paper = module.parent, module.parent.name
    if folder.parent == Path("translators") and module.stem in CHAPTERS:
        return Path("translators") / f"test_{paper}.py"
    return folder / f"test_{module.stem.lstrip('_')}.py"


def missing_in(source: Path, tests: Path) -> list[str]:
    """Return the modules without a file of tests; a package's first lines need none."""
    modules = sorted(path.relative_to(source) for path in source.rglob("*.py"))
    return [
        module.as_posix()
        for module in modules
        if module.name not in ("__init__.py", "__main__.py") and not (tests / place_of(module)).is_file()
    ]


def test_every_module_has_tests_of_its_name() -> None:
    assert missing_in(SOURCE, ROOT / "tests") == []


@pytest.mark.parametrize(
    ("module", "place"),
    [
        ("batch.py", "test_batch.py"),
        ("volumes/formats/png.py", "volumes/formats/test_png.py"),
        ("commands/_jobs.py", "commands/test_jobs.py"),
        ("translators/mrnet/generator.py", "translators/test_mrnet.py"),
        ("translators/mrnet/masks.py", "translators/mrnet/test_masks.py"),
        ("inference/translator.py", "inference/test_translator.py"),
    ],
)
def test_places_are_those_of_the_names(module: str, place: str) -> None:
    assert place_of(Path(module)).as_posix() == place


def test_a_module_without_tests_is_named(tmp_path: Path) -> None:
    for name in ("src/a/__init__.py", "src/a/b.py", "src/a/_c.py", "tests/a/test_c.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert missing_in(tmp_path / "src", tmp_path / "tests") == ["a/b.py"]
