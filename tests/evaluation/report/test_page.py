from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np

from shifted_targets import SUBJECT, Shifted
from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.report import page as report
from transmodal.evaluation.result import Evaluation
from transmodal.notice import INTENDED_USE
from transmodal.volumes import Volume

Make = Callable[..., Any]
EVIL = '<script>alert("x")</script>&'


class Reader(HTMLParser):
    """Checks that tags are balanced and collects what a reader sees and what a browser would fetch."""

    VOID = frozenset({"meta", "img", "input", "br", "path", "use", "polyline", "circle", "link", "line"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.links: list[str] = []
        self.tags: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.text += data


def test_the_report_says_what_has_to_be_said(evaluation: Evaluation) -> None:
    text = " ".join(Reader(report.page(evaluation)).text.split())
    assert INTENDED_USE in text
    assert "Simulated data. FA is simulated" in text
    assert "One anatomy, warped." in text
    assert "unet and the oracles learned from the cohort" in text
    assert "16 training cases" in text
    assert "3 test cases of the cohort atlas" in text
    assert "Oracles: what needs no learning of images" in text
    assert "unet beats mean_target and lookup" in text
    assert "pix2pix does not beat lookup" in text
    assert "d" * 64 in text
    assert "synthetic minus target" in text
    assert "Radiological" in text
    for row in evaluation.rows:
        assert row.protocol.text() in text


def test_it_opens_offline(evaluation: Evaluation) -> None:
    page = report.page(evaluation)
    assert all(
        link == "data:," or link.startswith(("data:image/png;base64,", "#mask", "#section-"))
        for link in Reader(page).links
    )
    assert "http:" not in page
    assert "https:" not in page
    assert "@import" not in page
    assert "url(" not in page
    assert "default-src 'none'" in page
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page


def test_curves_are_drawn_where_there_are_any(evaluation: Evaluation) -> None:
    assert "<h2>Training</h2>" in report.page(evaluation)
    assert "<h2>Training</h2>" not in report.page(replace(evaluation, curves={}))


def test_errors_over_voxels_are_drawn_for_models(evaluation: Evaluation) -> None:
    drawn = report.page(evaluation).split("<h2>Errors over voxels</h2>")[1].split("</section>")[0]
    assert drawn.count("<polyline") == len(evaluation.models)
    assert "Errors over voxels" not in report.page(replace(evaluation, errors={}))


def test_text_from_data_is_escaped(make_case: Make) -> None:
    case = make_case(0)
    evil = type(case)(EVIL, case.volumes, case.inside, case.brain)
    task = replace(SUBJECT, cohort=EVIL, digest=EVIL, notes=(EVIL,), simulated=(EVIL,))
    entrants = Participants(
        [Shifted(EVIL, 0.1)], (), {EVIL: {EVIL: EVIL, "cohort": {"name": EVIL, "digest": "other"}}}
    )
    page = report.page(evaluate_cases(entrants, [evil], task))
    assert "<script>alert" not in page
    assert "<script>ALERT" not in page
    reader = Reader(page)
    assert reader.tags.count("script") == 1
    assert EVIL in reader.text
    assert "learned from another cohort" in reader.text


def test_without_masks_models_or_scenes(make_case: Make) -> None:
    bare = evaluate_cases(Participants([], [Shifted("lookup", 0.0)]), [make_case(0, masked=False)], SUBJECT)
    page = report.page(replace(bare, gallery=()))
    text = Reader(page).text
    assert "no case has a mask" in text
    assert "\N{INFINITY}" in text
    assert "outlines" not in page.split("</style>")[1]


def test_a_report_in_colour(make_case: Make) -> None:
    photo = np.random.default_rng(0).integers(0, 200, (14, 17, 12, 3), dtype=np.uint8)
    case = make_case(0, colour=Volume(photo, np.eye(4)))
    task = replace(SUBJECT, target="colour", data_range=255.0, simulated=())
    evaluation = evaluate_cases(Participants([Shifted("unet", 5.0, "colour")]), [case], task)
    text = " ".join(Reader(report.page(evaluation)).text.split())
    assert "sRGB levels" in text
    assert "Simulated data" not in text
