"""Calls of the command line, in this process."""

from __future__ import annotations

import pytest

from transmodal import cli


def call(line: str, status: int = 0) -> None:
    """Call a line of words and see how it ends."""
    assert cli.run(line.split()) == status


def check_refused(line: str, status: int, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    """See that a line of words is refused with an error that has a code and says a part."""
    call(line, status)
    error = capsys.readouterr().err
    assert error.startswith("error[E")
    assert part in error


def check_error(line: str, code: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    """See that a line of words is refused, for itself or for its input, in one line with a code that says a part."""
    capsys.readouterr()
    call(line, {"0": 2, "1": 3}[code[1]])
    error = capsys.readouterr().err.strip()
    assert error.startswith(f"error[{code}]")
    assert "\n" not in error
    assert part in error
