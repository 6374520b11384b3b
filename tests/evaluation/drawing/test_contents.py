from __future__ import annotations

from transmodal.evaluation.drawing.contents import with_contents

HEAD = "<header><h1>t</h1></header>"


def section(title: str) -> str:
    return f'<section class="x"><h2>{title}</h2><p>y</p></section>'


def test_sections_are_listed_behind_the_head() -> None:
    text = with_contents([HEAD, section("A &amp; B"), "", section("C"), section("D"), "<footer></footer>"])
    assert text.startswith(f'{HEAD}\n<nav class="contents"')
    for n, title in enumerate(("A &amp; B", "C", "D"), start=1):
        assert f'<a href="#section-{n}">{title}</a>' in text
        assert f'<section class="x" id="section-{n}"><h2>{title}</h2>' in text
    assert text.endswith("<footer></footer>")


def test_two_sections_need_no_list() -> None:
    assert "<nav" not in with_contents([HEAD, section("A"), section("B")])
