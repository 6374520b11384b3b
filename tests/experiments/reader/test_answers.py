from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reading_sessions import Sitting
from transmodal.errors import InputError, IntegrityError, ResourceError, UsageError
from transmodal.experiments.reader.answers import WORDS, open_answers, read_all, read_answers


def word(sitting: Sitting, name: str, n: int = 0) -> str:
    return WORDS[sitting.session.items[name].question][n]


def test_a_reader_goes_on_where_the_last_answer_was_given(sitting: Sitting) -> None:
    with open_answers(sitting.folder, sitting.session, "anna") as answers:
        order = answers.order
        for place in range(3):
            answers.add(place, word(sitting, order[place]), 2.0)
    with open_answers(sitting.folder, sitting.session, "anna") as answers:
        assert answers.order == order
        assert answers.next_place == 3
        answers.add(1, word(sitting, order[1], 1), 0.25)
    stored = read_answers(sitting.folder / "answers/anna.jsonl", sitting.session)
    assert stored.answers[1] == (order[1], word(sitting, order[1], 1), 0.25)
    assert len(stored.answers) == 3


def test_readers_have_orders_of_their_own(sitting: Sitting) -> None:
    orders = []
    for n in range(9):
        with open_answers(sitting.folder, sitting.session, f"reader-{n}") as answers:
            orders.append(answers.order)
    assert len(set(orders[:8])) == 8
    assert orders[8] == orders[0]
    assert [reader.reader for reader in read_all(sitting.folder, sitting.session)] == [
        f"reader-{n}" for n in range(9)
    ]


KILLED = """
import os, signal, sys
from pathlib import Path
from transmodal.experiments.reader.answers import WORDS, open_answers
from transmodal.experiments.reader.session import read_session
folder = Path(sys.argv[1])
session = read_session(folder)
answers = open_answers(folder, session, "anna")
for place in range(5):
    answers.add(place, WORDS[session.items[answers.order[place]].question][0], 1.0)
os.write(answers._handle, b'{"place": 5, "item": "')
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_loses_no_answer_and_half_a_line_is_none(sitting: Sitting) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(sitting.folder)], env=os.environ, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    path = sitting.folder / "answers/anna.jsonl"
    assert not path.read_bytes().endswith(b"\n")
    assert len(read_answers(path, sitting.session).answers) == 5
    with open_answers(sitting.folder, sitting.session, "anna") as answers:
        assert answers.next_place == 5
        answers.add(5, word(sitting, answers.order[5]), 1.0)
    assert [json.loads(line).get("place") for line in path.read_text().splitlines()] == [
        None,
        0,
        1,
        2,
        3,
        4,
        5,
    ]


def test_an_answer_is_on_the_disk_before_the_next_is_asked_for(
    sitting: Sitting, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    write, sync = os.write, os.fsync
    monkeypatch.setattr(
        "os.write", lambda handle, content: (calls.append("write"), write(handle, content))[1]
    )
    monkeypatch.setattr("os.fsync", lambda handle: (calls.append("sync"), sync(handle))[1])
    with open_answers(sitting.folder, sitting.session, "anna") as answers:
        calls.clear()
        answers.add(0, word(sitting, answers.order[0]), 1.0)
        assert calls == ["write", "sync"]


def test_a_full_disk_takes_back_half_a_line(sitting: Sitting, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with open_answers(sitting.folder, sitting.session, "anna") as answers:
        before = answers.path.read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", refuse)
            with pytest.raises(ResourceError, match="No space left"):
                answers.add(0, word(sitting, answers.order[0]), 1.0)
        assert answers.path.read_bytes() == before
        assert answers.next_place == 0


def test_two_at_once_under_one_name_are_refused(sitting: Sitting) -> None:
    with (
        open_answers(sitting.folder, sitting.session, "anna"),
        pytest.raises(UsageError, match="anna, who is reading in another process"),
    ):
        open_answers(sitting.folder, sitting.session, "anna")


@pytest.mark.parametrize("name", ["", "../anna", "anna maria", ".anna", "a" * 41, "-anna"])
def test_names_that_are_no_files_are_refused(sitting: Sitting, name: str) -> None:
    with pytest.raises(UsageError, match="letters, digits"):
        open_answers(sitting.folder, sitting.session, name)


@pytest.mark.parametrize(
    "line",
    ["[]", "nonsense", '{"place": 0, "item": "x", "answer": "real", "seconds": 1}', '{"place": -1}', "{}"],
)
def test_lines_that_are_no_answers_are_refused(sitting: Sitting, line: str) -> None:
    with open_answers(sitting.folder, sitting.session, "anna") as answers:
        path = answers.path
    with path.open("a") as stream:
        stream.write(line + "\n")
    with pytest.raises(InputError, match="line 2"):
        read_answers(path, sitting.session)


def test_answers_to_another_session_are_refused(sitting: Sitting) -> None:
    with open_answers(sitting.folder, sitting.session, "anna") as answers:
        path: Path = answers.path
    path.write_text(path.read_text().replace(sitting.session.id, "0" * 16))
    with pytest.raises(IntegrityError, match="another session"):
        read_answers(path, sitting.session)
