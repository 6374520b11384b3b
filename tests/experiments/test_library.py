"""A library: designs by name or by path, and words for what is no design."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from transmodal.errors import InputError, UsageError
from transmodal.experiments.ablation.plan import LIBRARY as STUDIES
from transmodal.experiments.benchmark.suite import LIBRARY as SUITES
from transmodal.experiments.library import Library


@pytest.mark.parametrize(("library", "noun"), [(STUDIES, "study"), (SUITES, "suite")])
def test_designs_by_name_and_by_path(library: Library[Any], noun: str, tmp_path: Path) -> None:
    for name in library.names():
        assert library.read(library.path_of(name)).name == name
    (tmp_path / "mine.yaml").write_text("- a list\n")
    with pytest.raises(UsageError, match=f"expected a {noun}") as caught:
        library.read(library.path_of(str(tmp_path / "mine.yaml")))
    assert caught.value.code == "E001"
    with pytest.raises(UsageError, match=f"no {noun} 'nothing'") as caught:
        library.path_of("nothing")
    assert (caught.value.code, caught.value.expected) == ("E002", ", ".join(library.names()))
    with pytest.raises(InputError, match="does not exist"):
        library.path_of(str(tmp_path / "gone.yaml"))


def test_a_near_name_is_offered() -> None:
    with pytest.raises(UsageError) as caught:
        SUITES.path_of("atlass")
    assert "atlas" in caught.value.remedy
