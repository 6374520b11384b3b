"""A board is written whole, or not at all; with a cohort every figure is taken again first."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from transmodal.errors import UsageError
from transmodal.evaluation.leaderboard.write import build_leaderboard


def test_three_files_are_written(write_entry: Callable[..., Path], tmp_path: Path) -> None:
    entries = [write_entry("good", 0), write_entry("fair", 10)]
    board = build_leaderboard(entries, output=tmp_path / "board")
    assert sorted(path.name for path in (tmp_path / "board").iterdir()) == [
        "leaderboard.csv",
        "leaderboard.html",
        "leaderboard.json",
    ]
    written = json.loads((tmp_path / "board" / "leaderboard.json").read_text())
    assert [entry["name"] for entry in written["entries"]] == [entry.name for entry in board.entries]
    assert str(tmp_path) not in json.dumps(written)  # where the entries lay is nobody's business


def test_a_refusal_writes_nothing(write_entry: Callable[..., Path], tmp_path: Path) -> None:
    entries = [write_entry("good", 0), write_entry("fair", 10, digest="e" * 64)]
    with pytest.raises(UsageError):
        build_leaderboard(entries, output=tmp_path / "board")
    assert not (tmp_path / "board").exists()
