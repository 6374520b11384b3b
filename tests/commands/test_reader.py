from __future__ import annotations

from pathlib import Path

import pytest

from transmodal import cli


def test_help_shows_what_is_of_which_act(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["reader", "--help"]) == 0
    shown = capsys.readouterr().out
    for panel in ("make: what is shown", "read: who looks", "score: what is counted"):
        assert panel in shown


def test_another_act_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["reader", "judge", str(tmp_path)]) == 2
    assert "judge" in capsys.readouterr().err
