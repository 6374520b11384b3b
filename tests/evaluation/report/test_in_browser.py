"""The report in a browser: its contents, its pictures enlarged together, its tables, and the way to the viewer."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import chromium
from shifted_targets import SUBJECT, Shifted
from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.report import page as report
from transmodal.viewing.folder import ViewerFolder

FRAME = "document.querySelectorAll('.case .frame')[{}]"


def test_a_report_is_gone_through_and_leads_to_the_viewer(
    make_case: Callable[..., Any], tmp_path: Path
) -> None:
    entrants = Participants([Shifted("a_model_with_a_long_name", 0.01), Shifted("pix2pix", 0.03)], [])
    pages = ViewerFolder(tmp_path)
    evaluation = evaluate_cases(entrants, [make_case(n) for n in range(3)], SUBJECT, pages=pages)
    (tmp_path / "report.html").write_text(report.page(evaluation), encoding="utf-8")
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        chromium.tab(Path(folder)) as tab,
    ):
        tab.show((tmp_path / "report.html").as_uri(), (360, 700))
        assert tab.ask("document.documentElement.scrollWidth") == 360
        check_contents(tab)
        check_tables(tab)
        check_zoom(tab)
        assert tab.complaints == []
        tab.ask("document.querySelector('.sortable tbody a').click()")
        tab.wait("document.body.dataset.state")
        assert tab.ask("document.body.dataset.state") == "ready"
        pixels = tab.pixels("#canvas")
        assert (pixels.mean(axis=-1) > 40).mean() > 0.05
        assert tab.complaints == []
        assert all(url.startswith(("file:", "data:")) for url in tab.fetched)


def check_contents(tab: chromium.Tab) -> None:
    targets = tab.ask(
        "[...document.querySelectorAll('.contents a')].map(a => !!document.querySelector(a.hash)).join()"
    )
    assert targets.split(",") == ["true"] * tab.ask("document.querySelectorAll('main > section').length")


def check_tables(tab: chromium.Tab) -> None:
    """Every table that is wider than the page says that it goes on, until it is scrolled to its end."""
    tab.wait("document.querySelector('.scroll.wide')")
    shown = "[...document.querySelectorAll('.scroll')].filter(b => !b.closest('details') && b.matches('.wide') === b.previousElementSibling.hidden).length"
    assert tab.ask(shown) == 0
    assert tab.ask("document.querySelector('.scroll.wide').tabIndex") == 0
    tab.ask("document.querySelector('.scroll.wide').scrollLeft = 10000")
    tab.wait("document.querySelector('.scroll.wide').previousElementSibling.hidden")


def check_zoom(tab: chromium.Tab) -> None:
    """A key on one picture enlarges all pictures of its case at one place, and no other case's."""
    scale = "[...document.querySelectorAll('.case')].map(c => new Set([...c.querySelectorAll('.frame > img')].map(i => getComputedStyle(i).transform + getComputedStyle(i).transformOrigin.split(' ').map(n => Math.round(parseFloat(n))).join())).size).join()"
    tab.ask(f"{FRAME.format(1)}.focus()")
    tab.wait("[...document.images].every(image => image.complete)")
    tab.ask("document.querySelector('.case .frame').scrollIntoView({block: 'center', behavior: 'instant'})")
    before = tab.pixels(".case .frame")
    tab.press("Enter")
    tab.press("ArrowLeft")
    assert set(tab.ask(scale).split(",")) == {"1"}
    assert "matrix(4," in tab.ask("getComputedStyle(document.querySelector('.case .frame > img')).transform")
    assert tab.ask("document.querySelectorAll('.enlarged').length") == 1
    assert tab.ask("document.querySelector('.case').style.getPropertyValue('--x')") == "45%"
    after = tab.pixels(".case .frame")
    rows = min(len(before), len(after))
    assert not np.array_equal(before[:rows], after[:rows])
    tab.press("Escape")
    assert tab.ask("document.querySelectorAll('.enlarged').length") == 0
