"""The contract of layouts: the example of one that writes, and what one that does not has to give."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.cohorts import layouts
from transmodal.testing.layout import LayoutContract, LayoutExample, copied, state, visits


class Plain(LayoutContract):
    name = "folders"


def test_a_layout_that_writes_makes_its_own_example(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    contract = Plain()
    assert contract.parts(request.config) == ["folders"]
    example = contract.write_example("folders", tmp_path, request.config)
    assert example == LayoutExample(tmp_path, (), 2)
    found = layouts.load("folders").find(tmp_path).cases
    assert [(case.id, case.patient) for case in found] == [(case.id, case.patient) for case in visits()]


def test_a_layout_that_does_not_write_has_to_name_a_folder(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with pytest.raises(AssertionError, match="give ixi a function `write`, or name a folder of it"):
        Plain().write_example("ixi", tmp_path, request.config)


def test_an_example_is_changed_in_a_copy(tmp_path: Path) -> None:
    (tmp_path / "example").mkdir()
    (tmp_path / "example" / "t1").touch()
    example = LayoutExample(tmp_path / "example")
    before = state(example.folder)
    copy = copied(example, tmp_path / "copy")
    (copy.folder / "t1").unlink()
    assert state(example.folder) == before
    assert len(before) == 1
