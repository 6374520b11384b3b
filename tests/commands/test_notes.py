"""Notes on the terminal: each is said once, and memory again where clearly more of it is needed."""

from __future__ import annotations

from transmodal.commands._notes import Notes
from transmodal.inference.memory import MemoryEstimate
from transmodal.progress import Silent


class Lines(Silent):
    """Keeps the lines that are said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def test_a_note_is_said_once() -> None:
    progress = Lines()
    notes = Notes(progress)
    notes.say(["thick slices", "no mask"])
    notes.say(["no mask", "clipped"])
    assert progress.lines == ["note: thick slices", "note: no mask", "note: clipped"]


def test_memory_is_said_again_only_where_clearly_more_is_needed() -> None:
    progress = Lines()
    notes = Notes(progress)
    for more in (1_000_000_000, 1_050_000_000, 2_000_000_000, 500_000_000):
        notes.say_memory(MemoryEstimate(0, more, 1))
    assert [line.split(";")[0] for line in progress.lines] == [
        "memory: about 0.931 GiB at its peak, 0.93 GiB of it new",
        "memory: about 1.86 GiB at its peak, 1.9 GiB of it new",
    ]
