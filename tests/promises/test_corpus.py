"""Every file of the corpus gets the verdict that it has to get from our reader, as an error of ours or as what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from promises.corpus import all_entries
from promises.entries import Entry
from promises.figures import is_expected, judge_ours


@pytest.mark.parametrize("entry", all_entries(), ids=lambda entry: entry.name)
def test_the_verdict(entry: Entry, tmp_path: Path) -> None:
    verdict = judge_ours(entry, entry.write(tmp_path))
    assert is_expected(entry, verdict), verdict


def test_names_are_distinct() -> None:
    names = [entry.name for entry in all_entries()]
    assert len(set(names)) == len(names)
