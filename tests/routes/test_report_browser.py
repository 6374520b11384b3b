"""The pages of `evaluate` and `compare` in a real browser: light and dark, at a desk and on a phone."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

from cli_calls import call
from subject_files import tiny_recipe, write_ellipsoid

SIDEWAYS = "[document.documentElement.scrollWidth, document.body.scrollWidth, innerWidth]"
COLUMN = '[...document.querySelector("table.sortable").tBodies[0].rows].map(row => row.cells[{n}].{what})'
OUTSIDE = """[...document.querySelectorAll("main *")].filter(one => {
  const box = one.getBoundingClientRect();
  return box.width && box.right > innerWidth + 1 && !one.closest(".scroll");
}).map(one => one.outerHTML.slice(0, 120))"""

schemes = pytest.mark.parametrize("scheme", ["light", "dark"])
widths = pytest.mark.parametrize("width", [1280, 390])


@pytest.fixture(scope="module")
def pages(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:  # noqa: ANN401  # first: no training where there is no browser
    """A report of two runs beside three oracles, over six patients, and their comparison."""
    folder = tmp_path_factory.mktemp("pages")
    for n in range(8):
        write_ellipsoid(folder / "subjects" / f"a-case-with-a-rather-long-name-{n}", n)
    call(f"prepare folders {folder}/subjects -o {folder}/cohort --region t1=body --counts 1:1:6 --workers 1")
    for name, width, axes in (("slim", 4, "z"), ("a-run-with-a-long-name", 8, "x, y, z")):
        (folder / f"{name}.yaml").write_text(
            tiny_recipe(
                name,
                windows=f"{{kind: slice, axes: [{axes}]}}",
                settings=f"{{width: {width}, levels: 2}}",
            )
        )
        call(f"train {folder}/{name}.yaml --cohort {folder}/cohort -o {folder}/{name}")
    both = f"{folder}/slim {folder}/a-run-with-a-long-name"
    names = [f"a-case-with-a-rather-long-name-{n}\t{n % 2 or 'n/a'}" for n in range(8)]
    (folder / "participants.tsv").write_text("\n".join(["participant_id\tfield_strength", *names]) + "\n")
    strata = f"--phenotypes {folder}/participants.tsv --by field_strength"
    call(f"evaluate {both} --cohort {folder}/cohort --device cpu -o {folder}/both {strata}")
    call(f"compare {folder}/both -o {folder}/comparison")
    return {
        "report": folder / "both" / "report.html",
        "comparison": folder / "comparison" / "comparison.html",
        "cohort": folder / "cohort" / "cohort.html",
    }


@pytest.mark.parametrize("name", ["report", "comparison", "cohort"])
@schemes
@widths
def test_a_page_opens_offline_without_a_complaint(
    browser: Any,  # noqa: ANN401  # of the conftest
    pages: dict[str, Path],
    name: str,
    scheme: Literal["light", "dark"],
    width: int,
) -> None:
    browser.open(pages[name], width=width, scheme=scheme)
    assert browser.complaints == []
    others = [one for one in browser.fetched if not one.startswith("data:")]
    assert others == [pages[name].absolute().as_uri()]
    page, body, window = browser.ask(SIDEWAYS)
    assert (window, max(page, body)) == (width, width)  # the page itself does not move sideways
    assert browser.ask(OUTSIDE) == []  # nor is anything cut off that cannot be scrolled to
    background, ink = (_luminance(browser, name) for name in ("backgroundColor", "color"))
    assert (background < 0.5) == (scheme == "dark")
    lighter, darker = max(background, ink), min(background, ink)
    assert (lighter + 0.05) / (darker + 0.05) > 7  # WCAG 2.2, AAA
    shot = np.asarray(Image.open(io.BytesIO(browser.shoot())).convert("L"))
    assert shot.shape[1] == width
    assert (np.median(shot) < 128) == (scheme == "dark")
    assert shot.std() > 10  # there is something to see


@widths
def test_the_cases_sort_by_a_press_on_a_heading(
    browser: Any,  # noqa: ANN401  # of the conftest
    pages: dict[str, Path],
    width: int,
) -> None:
    browser.open(pages["report"], width=width)
    figures, cases = COLUMN.format(n=2, what="dataset.value"), COLUMN.format(n=0, what="textContent")
    before = [float(one) for one in browser.ask(figures)]
    assert len(before) == 6 * 5
    assert before != sorted(before)
    heading = 'document.querySelector("table.sortable").tHead.rows[0].cells[{n}].querySelector("button")'
    for ascending in (True, False):
        browser.click(heading.format(n=2))
        after = [float(one) for one in browser.ask(figures)]
        assert after == sorted(before, reverse=not ascending)
    browser.click(heading.format(n=0))
    names = browser.ask(cases)
    assert names == sorted(names)
    assert browser.ask('document.querySelectorAll("[aria-sort]").length') == 1
    assert browser.complaints == []


@pytest.mark.parametrize("name", ["report", "comparison", "cohort"])
def test_tables_sort_by_the_keyboard(
    browser: Any,  # noqa: ANN401  # of the conftest
    pages: dict[str, Path],
    name: str,
) -> None:
    browser.open(pages[name])
    head = 'document.querySelector("table.sortable").tHead.rows[0].cells[{n}]'
    rows = COLUMN.format(n=0, what="textContent")
    names = browser.ask(rows)
    browser.ask(f'{head.format(n=0)}.querySelector("button").focus()')
    orders = []
    for _ in range(2):
        browser.press("Enter", "\r")
        orders.append((browser.ask(f'{head.format(n=0)}.getAttribute("aria-sort")'), browser.ask(rows)))
    assert [order for order, _ in orders] == ["ascending", "descending"]
    for _, shown in orders:
        assert sorted(shown) == sorted(names)
    assert orders[0][1] == sorted(names, key=str.casefold)
    assert orders[1][1] == sorted(names, key=str.casefold, reverse=True)
    browser.press("Tab")
    focused = browser.ask("document.activeElement.textContent")
    assert focused == browser.ask(f"{head.format(n=1)}.textContent")
    assert browser.complaints == []


def test_runs_sort_by_their_numbers_and_not_by_their_text(
    browser: Any,  # noqa: ANN401  # of the conftest
    pages: dict[str, Path],
) -> None:
    browser.open(pages["comparison"])
    heads = browser.ask(
        '[...document.querySelector("table.sortable").tHead.rows[0].cells].map(one => one.textContent)'
    )
    column = heads.index("Parameters")
    browser.click(
        f'document.querySelector("table.sortable").tHead.rows[0].cells[{column}].querySelector("button")'
    )
    values = browser.ask(COLUMN.format(n=column, what="dataset.value"))
    known = [int(one) for one in values if one]
    assert known == sorted(known)
    assert len(set(known)) == 2
    assert values == [
        *map(str, known),
        *[""] * (len(values) - len(known)),
    ]  # oracles, without parameters, go last


def test_the_outline_of_the_mask_goes_and_comes_back(
    browser: Any,  # noqa: ANN401  # of the conftest
    pages: dict[str, Path],
) -> None:
    browser.open(pages["report"])
    shown = 'getComputedStyle(document.querySelector("svg.outline")).display'
    switch = 'document.querySelector("#outlines")'
    assert browser.ask(shown) != "none"
    browser.click(switch)
    assert browser.ask(shown) == "none"
    browser.click(switch)
    assert browser.ask(shown) != "none"


@widths
def test_the_uncertainty_is_drawn_and_its_cases_sort(
    browser: Any,  # noqa: ANN401  # of the conftest
    pages: dict[str, Path],
    width: int,
) -> None:
    browser.open(pages["report"], width=width)
    section = '[...document.querySelectorAll("section")].find(one => one.querySelector("h2").textContent === "Uncertainty")'
    assert browser.ask(f'{section}.querySelectorAll("figure path").length') == 10
    box = browser.ask(
        f'(() => {{ const one = {section}.querySelector("svg polygon").getBoundingClientRect(); '
        "return [one.width, one.height]; })()"
    )
    assert min(box) > 3  # the interval is seen
    assert not browser.ask(f'{section}.querySelector("details").open')
    browser.click(f'{section}.querySelector("summary")')
    head = f'{section}.querySelector("table.sortable").tHead.rows[0].cells[5].querySelector("button")'
    browser.click(head)
    shown = browser.ask(
        f'[...{section}.querySelector("table.sortable").tBodies[0].rows].map(row => Number(row.cells[5].dataset.value))'
    )
    assert len(shown) == 6
    assert shown == sorted(shown)
    maps = '[...document.querySelectorAll(".case figcaption b")].filter(one => one.textContent === "disagreement").length'
    assert browser.ask(maps) == browser.ask('document.querySelectorAll(".case").length') > 0
    assert browser.ask(OUTSIDE) == []
    assert browser.complaints == []


def test_every_picture_is_drawn(browser: Any, pages: dict[str, Path]) -> None:  # noqa: ANN401  # of the conftest
    browser.open(pages["report"])
    assert browser.ask("document.images.length") > 20
    assert browser.ask("[...document.images].every(one => one.complete && one.naturalWidth > 0)")


def test_a_complaint_is_heard(browser: Any, tmp_path: Path) -> None:  # noqa: ANN401  # of the conftest
    page = tmp_path / "bad.html"
    page.write_text(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'\">"
        '<img src="https://example.org/x.png"><script>console.warn("dear me"); nothing();</script>'
    )
    browser.open(page)
    heard = " ".join(browser.complaints)
    assert "dear me" in heard
    assert "nothing is not defined" in heard
    assert "Content Security Policy" in heard


def _luminance(browser: Any, name: str) -> float:  # noqa: ANN401  # of the conftest
    """Return the relative luminance of the body's colour, 0 to 1 (WCAG 2.2)."""
    text: str = browser.ask(f"getComputedStyle(document.body).{name}")
    levels = [int(part) / 255 for part in text[text.index("(") + 1 : -1].split(",")[:3]]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in levels]
    return math.fsum(share * one for share, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
