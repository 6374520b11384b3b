from __future__ import annotations

import pytest

from transmodal.errors import InputError
from transmodal.storage.faults import Check


def refuse(words: str) -> None:
    raise InputError("E101", words, "whole", "Copy\nit.")


@pytest.mark.parametrize(
    ("words", "owner", "line"),
    [
        ("it is cut", "", "a.npy: it is cut. Copy it."),
        ("it is cut", "case s1", "a.npy: case s1: it is cut. Copy it."),
        ("case s1: a.npy is cut", "case s1", "a.npy: case s1: a.npy is cut. Copy it."),
    ],
)
def test_a_fault_is_one_line_that_names_its_owner_once(words: str, owner: str, line: str) -> None:
    fault = Check("a.npy", lambda: refuse(words), owner).find_fault()
    assert fault is not None
    assert fault.line() == line


def test_what_is_whole_has_no_fault_and_a_bug_is_none() -> None:
    assert Check("a.npy", lambda: 3).find_fault() is None
    with pytest.raises(ZeroDivisionError):
        Check("a.npy", lambda: 1 // 0).find_fault()
