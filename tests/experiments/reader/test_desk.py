from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest

from reading_sessions import Sitting
from transmodal.experiments.reader.answers import AnswerFile, open_answers
from transmodal.experiments.reader.desk import ReaderDesk


@pytest.fixture
def answers(sitting: Sitting) -> Iterator[AnswerFile]:
    with open_answers(sitting.folder, sitting.session, "anna") as file:
        yield file


@pytest.fixture
def desk(sitting: Sitting, answers: AnswerFile) -> ReaderDesk:
    return ReaderDesk(sitting.folder, sitting.session, answers)


def item(desk: ReaderDesk, **content: object) -> tuple[int, dict[str, Any]]:
    answer = desk.item(json.dumps(content).encode())
    return answer.status, json.loads(answer.part.content)


def give(desk: ReaderDesk, **content: object) -> tuple[int, dict[str, Any]]:
    answer = desk.answer(json.dumps({"seconds": 1, **content}).encode())
    return answer.status, json.loads(answer.part.content)


def test_the_page_gets_pictures_and_words_and_nothing_that_tells(
    desk: ReaderDesk, sitting: Sitting, answers: AnswerFile
) -> None:
    status, record = item(desk)
    assert status == 200
    assert set(record) == {"reader", "place", "total", "question", "choices", "pictures", "earlier"}
    assert (record["place"], record["total"]) == (0, len(sitting.session.items))
    name = sitting.session.items[answers.order[0]].pictures[0]
    assert b64decode(record["pictures"][0]) == (sitting.folder / "pictures" / name).read_bytes()
    assert [choice["key"] for choice in record["choices"]] == ["r", "s"]


def test_answers_lead_on_and_the_one_before_can_be_changed(desk: ReaderDesk, answers: AnswerFile) -> None:
    assert give(desk, place=0, answer="real")[1]["place"] == 1
    assert give(desk, place=1, answer="synthetic")[1]["place"] == 2
    status, record = item(desk, place=0)
    assert (status, record["earlier"]) == (200, "real")
    assert give(desk, place=0, answer="synthetic")[1]["place"] == 2
    assert [answers.answers[n].word for n in range(2)] == ["synthetic", "synthetic"]
    assert item(desk)[1]["place"] == 2


def test_the_last_answer_ends_it(desk: ReaderDesk, sitting: Sitting, answers: AnswerFile) -> None:
    words = {"origin": "real", "lesion": "no", "preference": "left"}
    for place, name in enumerate(answers.order):
        _, record = give(desk, place=place, answer=words[sitting.session.items[name].question])
    total = len(answers.order)
    assert record == {"reader": "anna", "place": total, "total": total}
    assert item(desk)[1]["place"] == total
    assert item(desk, place=total - 1)[1]["earlier"] == "left"


@pytest.mark.parametrize(
    "content",
    [
        {"place": 1, "answer": "real"},
        {"place": -1, "answer": "real"},
        {"place": True, "answer": "real"},
        {"place": "0", "answer": "real"},
        {"place": 0, "answer": "left"},
        {"place": 0, "answer": ["real"]},
        {"place": 0},
        {"place": 0, "answer": "real", "seconds": -1},
        {"place": 0, "answer": "real", "seconds": "1"},
    ],
)
def test_what_a_page_would_not_send_is_refused_and_not_written(
    desk: ReaderDesk, answers: AnswerFile, content: dict[str, object]
) -> None:
    before = answers.path.read_bytes()
    status, record = give(desk, **content)
    assert status == 400
    assert record["error"]
    assert answers.path.read_bytes() == before


def test_what_is_no_json_is_refused(desk: ReaderDesk) -> None:
    for content in (b"", b"[]", b"\xff", b"{"):
        assert desk.item(content).status == desk.answer(content).status == 400


def test_a_picture_that_was_changed_is_not_shown(
    desk: ReaderDesk, sitting: Sitting, answers: AnswerFile
) -> None:
    name = sitting.session.items[answers.order[0]].pictures[0]
    (sitting.folder / "pictures" / name).write_bytes(b"other")
    status, record = item(desk)
    assert status == 500
    assert "E501" in record["error"]
