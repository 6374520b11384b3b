"""What all pages share stands in one place, and each page carries it."""

from __future__ import annotations

import re

import pytest

from transmodal.evaluation.drawing.html import document, headings


@pytest.mark.parametrize("style", ["report", "compare", "cohort"])
def test_a_page_has_the_common_style_its_own_and_the_script(style: str) -> None:
    page = document("a < b & c", "<p>$body ${x} $$ stays</p>", style)
    assert "<title>a &lt; b &amp; c</title>" in page
    assert "<p>$body ${x} $$ stays</p>" in page
    assert page.count("<style>") == page.count("<script>") == 1
    assert "prefers-color-scheme: dark" in page
    assert "aria-sort" in page.split("<script>")[1]
    assert not re.search(r"url\(|@import|https?:", page)


def test_the_pages_own_styles_say_nothing_twice() -> None:
    common = set(document("", "", "report").split("</style>")[0].split("\n"))
    for one, other in (("report", "compare"), ("report", "cohort"), ("compare", "cohort")):
        own = [set(document("", "", name).split("</style>")[0].split("\n")) for name in (one, other)]
        both = (own[0] & own[1]) - set.intersection(common, *own)
        assert [line for line in both if len(line) > 40] == []


def test_headings_are_buttons() -> None:
    made = headings(["Case", "MAE <HU>"])
    assert made == (
        '<th class=left><button type="button">Case</button></th>'
        '<th><button type="button">MAE &lt;HU&gt;</button></th>'
    )
