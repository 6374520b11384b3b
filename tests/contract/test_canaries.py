"""No word of a patient comes out: headers, tables, names of files and ids, in success and in failure."""

from __future__ import annotations

import base64
import gzip
from pathlib import Path

from canaries import dicom, figure
from canaries.words import Canaries


def test_no_canary_comes_out(tmp_path: Path) -> None:
    taken = figure.take(tmp_path)
    assert taken.escaped == {}
    assert taken.planted >= 300
    assert taken.successes >= 20
    assert len(taken.failures) >= 20


def test_canaries_are_known_again_in_every_guise() -> None:
    canaries = Canaries()
    word, name, date, uid = canaries.word(), canaries.word("name"), canaries.date(), canaries.uid()
    assert canaries.find(f"a {word} b {date} c {uid}.".encode()) == {word.lower(), date, uid}
    for content in (
        word.lower().encode(),
        word.encode("utf-16"),
        gzip.compress(word.encode()),
        base64.b64encode(f"<p>{word}</p>".encode()),
        b"data:image/png;base64," + base64.b64encode(f"a{word}".encode()),
    ):
        assert canaries.find(content) == {word.lower()}
    assert canaries.find(name.encode()) == {name.lower()}
    assert canaries.find(name.encode(), ("header",)) == set()
    assert canaries.find(b"zqhbbbbk 19990101") == set()


def test_elements_are_those_of_patients_and_many_more() -> None:
    tags = {tag for tag, _ in dicom.elements()}
    assert {0x00100010, 0x00100030, 0x00081030, 0x00080080, 0x00400275 - 0x22, 0x00181030} <= tags
    assert len(tags) > 300
