"""Progress: bars on a terminal, lines in a notebook, the end of each stage in a log, nothing where it is quiet."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

import transmodal
from transmodal.commands import _progress
from transmodal.progress import Silent


def test_a_notebook_shows_lines_that_change(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    class Handle:
        def update(self, data: dict[str, str], *, raw: bool) -> None:
            assert raw
            shown.append(data["text/plain"])

    def display(data: dict[str, str], *, raw: bool, display_id: bool) -> Handle:
        assert raw
        assert display_id
        shown.append(data["text/plain"])
        return Handle()

    shell = type("ZMQInteractiveShell", (), {})()
    room = ModuleType("IPython.core.getipython")
    room.get_ipython = lambda: shell  # type: ignore[attr-defined]
    page = ModuleType("IPython.display")
    page.display = display  # type: ignore[attr-defined]
    for module in (ModuleType("IPython"), ModuleType("IPython.core"), room, page):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(_progress.time, "monotonic", lambda: clock.now)
    with transmodal.bars() as progress:
        progress.advance("train", 0, 4)
        for done in range(1, 5):
            clock.now += 0.2 if done == 1 else 40.0
            progress.advance("train", done, 4, f"loss {done}")
    assert shown == [
        "train: 0/4",
        "train: 2/4, 40 s left loss 2",
        "train: 3/4, 27 s left loss 3",
        "train: 4/4 loss 4",
    ]


def test_progress_without_a_terminal_is_a_line_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with transmodal.bars() as progress:
        progress.advance("train", 1, 2)
        progress.advance("train", 2, 2, "done")
    assert capsys.readouterr().err == "train: 2/2 done\n"
    with _progress.quietly(True), transmodal.bars() as progress:
        assert isinstance(progress, Silent)
