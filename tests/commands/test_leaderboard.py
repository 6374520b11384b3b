"""The verb prints the board and names the page; what it cannot rank is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal import cli


def test_an_earlier_evaluation_can_be_ranked(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["leaderboard", "evaluation", "-o", "board"]) == 0
    printed = capsys.readouterr().out
    assert "  1  " in printed
    assert (folders / "board" / "leaderboard.html").is_file()
    assert cli.run(["leaderboard", "gone", "-o", "board"]) == 3
    error = capsys.readouterr().err
    assert error.startswith("error[E100]")
    assert error.count("\n") == 1
