"""Recent cases: bounded, opened at the first touch, and left behind by copies."""

from __future__ import annotations

import pickle
import resource
from dataclasses import replace

import pytest

from transmodal.data.dataset import WindowDataset
from transmodal.data.recent import RecentCases, most_open
from transmodal.data.stream import Stream


class Opener:
    def __init__(self) -> None:
        self.opened: list[int] = []

    def __call__(self, number: int) -> str:
        self.opened.append(number)
        return f"case {number}"


def test_the_case_read_longest_ago_is_closed_first() -> None:
    opener = Opener()
    recent = RecentCases(opener, most=2)
    assert [recent[n] for n in (0, 1, 0, 2, 0, 1)] == [f"case {n}" for n in (0, 1, 0, 2, 0, 1)]
    assert opener.opened == [0, 1, 2, 1]
    assert len(recent) == 2


@pytest.mark.parametrize(("soft", "most"), [(1024, 96), (20000, 2468), (100, 1), (1 << 30, 4096), (-1, 4096)])
def test_no_more_stay_open_than_the_system_allows(
    soft: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (soft, -1))
    assert most_open() == most


def test_what_is_mapped_does_not_travel(stream: Stream) -> None:
    dataset = WindowDataset(stream)
    bare = len(pickle.dumps(dataset))
    items = [dataset[index, 3] for index in range(len(dataset))]
    assert len(pickle.dumps(dataset)) <= bare
    copy = pickle.loads(pickle.dumps(dataset))
    assert all((copy[n, 3].source == item.source).all() for n, item in enumerate(items))


def test_many_cases_hold_no_more_files_open(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    monkeypatch.setattr(resource, "getrlimit", lambda kind: (264, -1))  # room for one case
    dataset = WindowDataset(replace(stream, cases=stream.cases * 10))
    counts = []
    for index in range(0, len(dataset), 8):
        dataset[index, 1]
        counts.append(len(list(Path("/proc/self/fd").iterdir())))
    assert len(counts) == 30
    assert max(counts) <= counts[0] + 6
