"""Counts in words."""

from __future__ import annotations

import pytest

from transmodal.counts import counted


@pytest.mark.parametrize(("n", "text"), [(0, "0 cases"), (1, "1 case"), (2, "2 cases")])
def test_what_there_is_more_than_once_has_an_s(n: int, text: str) -> None:
    assert counted(n, "case") == text


def test_a_verb_goes_with_its_number() -> None:
    assert [counted(n, "file is", "files are") for n in (1, 3)] == ["1 file is", "3 files are"]
