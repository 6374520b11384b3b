"""The page in a real browser, answered by keys; and everything that goes over its wire, looked through for what would tell."""

from __future__ import annotations

import http.client
import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import chromium
from reading_sessions import ReadingGround, Sitting, truths_of
from transmodal.experiments.reader.answers import AnswerFile, open_answers, read_answers
from transmodal.experiments.reader.reading_page import page_parts, serve_reader
from transmodal.experiments.reader.session import PictureTruth, ReaderItem
from transmodal.notice import INTENDED_USE
from transmodal.viewing.server import PageServer


@contextmanager
def serving(sitting: Sitting, reader: str) -> Iterator[tuple[PageServer, AnswerFile]]:
    with (
        open_answers(sitting.folder, sitting.session, reader) as answers,
        serve_reader(sitting.folder, sitting.session, answers) as server,
    ):
        thread = threading.Thread(target=server.serve)
        thread.start()
        yield server, answers
        server.close()
        thread.join()


def ask(server: PageServer, name: str, content: dict[str, object] | None = None) -> tuple[list[str], bytes]:
    """Return the headers and the content of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    path = f"/{server.address.split('/')[3]}/{name}"
    if content is None:
        connection.request("GET", path)
    else:
        connection.request("POST", path, json.dumps(content), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    result = [f"{key}: {value}" for key, value in answer.getheaders()], answer.read()
    connection.close()
    assert answer.status == 200, result
    return result


def test_no_byte_of_the_page_tells_real_from_synthetic(sitting: Sitting, ground: ReadingGround) -> None:
    sitting.key_file.unlink()  # nothing is read from it
    names = {case.id for case in ground.cohort.cases()} | {"smooth", "flat", str(sitting.folder.parent)}
    hashes = {*sitting.session.pictures, *sitting.session.pictures.values(), *sitting.session.items}
    sizes: dict[tuple[str, str], set[int]] = {}
    with serving(sitting, "anna") as (server, answers):
        texts = [
            content.decode() for content in (ask(server, name)[1] for name in ("", "reader.js", "reader.css"))
        ]
        order = answers.order
        for place, name in enumerate(order):
            item = sitting.session.items[name]
            headers, content = ask(server, "item", {"place": place})
            record = json.loads(content)
            pictures = record.pop("pictures")
            texts += [*headers, json.dumps(record)]
            of = truths_of(sitting.key, item)
            for picture, truth in zip(pictures, of, strict=True):
                sizes.setdefault(("picture", truth.system), set()).add(len(picture))
            if item.question != "preference":
                # Digits of the place aside, an answer has as many bytes whatever it shows.
                length = len(content) - len(str(place))
                sizes.setdefault((item.question, of[0].system), set()).add(length)
            word = {"origin": "real", "lesion": "no", "preference": "left"}[item.question]
            ask(server, "answer", {"place": place, "answer": word, "seconds": 1})
    told = "\n".join(texts)
    assert [word for word in names | hashes if word in told] == []
    for kind in ("picture", "origin", "lesion"):
        assert len(set().union(*(own for (name, _), own in sizes.items() if name == kind))) == 1, sizes
    # Without pictures, answers about real and synthetic ones are the same words.
    shown: dict[str, set[str]] = {}
    records = [json.loads(text) for text in texts if text.startswith("{")]
    for place, record in enumerate(records):
        item = sitting.session.items[order[place]]
        if item.question == "origin":
            kind = "real" if truths_of(sitting.key, item)[0].system == "real" else "synthetic"
            shown.setdefault(kind, set()).add(json.dumps({**record, "place": 0}))
    assert shown["real"] == shown["synthetic"]


def test_the_files_of_the_page_are_those_of_every_session(pristine: Sitting) -> None:
    other = pristine.session.model_copy(update={"id": "0" * 16, "items": {}, "pictures": {}})
    assert page_parts(other) == page_parts(pristine.session)


@pytest.fixture(scope="module")
def tab() -> Iterator[chromium.Tab]:
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        chromium.tab(Path(folder)) as running,
    ):
        yield running


def wait_for(tab: chromium.Tab, place: int) -> None:
    tab.wait(
        f"document.body.dataset.place === '{place}' && !document.querySelector('#choices button:disabled')"
    )


def right_key(item: ReaderItem, truths: tuple[PictureTruth, ...]) -> str:
    """Return the key of one who knows: lesions are where they are, real is better than synthetic."""
    if item.question == "origin":
        return "r" if truths[0].system == "real" else "s"
    if item.question == "lesion":
        return "y" if truths[0].has_lesion else "n"
    left, right = (("real", "smooth", "flat").index(truth.system) for truth in truths)
    return "ArrowLeft" if left < right else "ArrowRight"


def test_a_session_is_read_by_keys_alone_left_and_gone_on_with(sitting: Sitting, tab: chromium.Tab) -> None:
    session, key = sitting.session, sitting.key
    total = len(session.items)
    with serving(sitting, "anna") as (server, answers):
        tab.show(server.address, (1100, 800))
        for place in range(10):
            wait_for(tab, place)
            item = session.items[answers.order[place]]
            tab.press(right_key(item, truths_of(key, item)))
        wait_for(tab, 10)
        order = answers.order
    # The server was ended; another goes on where the reader stopped.
    with serving(sitting, "anna") as (server, answers):
        assert answers.order == order
        tab.show(server.address, (1100, 800))
        wait_for(tab, 10)
        assert f"anna: 11 of {total}" in tab.ask("document.body.innerText")
        tab.press("Backspace")
        wait_for(tab, 9)
        assert tab.ask("document.querySelectorAll('button[aria-pressed=true]').length") == 1
        item = session.items[order[9]]
        tab.press(right_key(item, truths_of(key, item)))
        for place in range(10, total):
            wait_for(tab, place)
            item = session.items[order[place]]
            assert tab.ask("document.querySelectorAll('#pictures img').length") == len(item.pictures)
            tab.press("x")  # of no answer
            tab.press(right_key(item, truths_of(key, item)))
        wait_for(tab, total)
        assert "That was the last one" in tab.ask("document.body.innerText")
        assert tab.complaints == []
        assert all(url.startswith((server.address, "data:")) for url in tab.fetched)
    stored = read_answers(sitting.folder / "answers/anna.jsonl", session)
    assert len(stored.answers) == total
    for place, answer in stored.answers.items():
        item = session.items[order[place]]
        pressed = {
            "r": "real",
            "s": "synthetic",
            "y": "yes",
            "n": "no",
            "ArrowLeft": "left",
            "ArrowRight": "right",
        }
        assert answer.word == pressed[right_key(item, truths_of(key, item))]
        assert answer.seconds > 0


def test_a_telephone_shows_all_of_it_in_light_and_dark(sitting: Sitting, tab: chromium.Tab) -> None:
    papers = []
    with serving(sitting, "ben") as (server, answers):
        place = next(
            n for n, name in enumerate(answers.order) if sitting.session.items[name].question == "preference"
        )
        words = {"origin": "real", "lesion": "no"}
        for n in range(place):
            answers.add(n, words[sitting.session.items[answers.order[n]].question], 1)
        tab.show(server.address, (360, 740))
        wait_for(tab, place)
        for dark in (True, False):
            tab.prefer(dark=dark)
            assert tab.ask("document.documentElement.scrollWidth") <= 360
            papers.append(tab.pixels("footer")[0, 0].mean())
            assert tab.pixels("#pictures").std() > 20
        boxes = tab.ask(
            "[...document.querySelectorAll('#pictures img, #choices button')].map(one => one.getBoundingClientRect())"
            ".map(({left, right, width, height}) => [left, right, width, height])"
        )
        assert all(
            0 <= left < right <= 360 and width > 40 and height > 24 for left, right, width, height in boxes
        )
        assert tab.ask("[...document.querySelectorAll('kbd')].map(one => one.textContent)") == ["←", "↓", "→"]
        assert INTENDED_USE in tab.ask("document.body.innerText")
        tab.ask("document.querySelector('#choices button').click()")  # by finger, where there are no keys
        wait_for(tab, place + 1)
        assert answers.answers[place].word == "left"
    assert papers[0] < 60 < 200 < papers[1]


def test_an_answer_that_is_not_stored_is_said_so_and_can_be_given_again(
    sitting: Sitting, tab: chromium.Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with serving(sitting, "cleo") as (server, answers):
        tab.show(server.address, (900, 700))
        wait_for(tab, 0)
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", refuse)
            tab.press("r")
            tab.wait("!document.getElementById('error').hidden")
        assert "No space left" in tab.ask("document.getElementById('error').textContent")
        assert tab.ask("document.body.dataset.place") == "0"
        tab.cut(is_cut=True)
        tab.press("r")
        tab.wait("document.getElementById('error').textContent.includes('The server is gone')")
        tab.cut(is_cut=False)
        assert answers.answers == {}
        tab.press("r")
        wait_for(tab, 1)
        assert tab.ask("document.getElementById('error').hidden")
        assert answers.answers[0].word == "real"
