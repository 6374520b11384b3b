from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from transmodal.errors import ResourceError
from transmodal.evaluation.cohort_report import page
from transmodal.evaluation.cohort_report.draw import draw_page


def test_a_page_that_cannot_be_written_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> Path:
        raise ResourceError("E403", "the disk is full", "space", "Free some.")

    cohort: Any = object()
    monkeypatch.setattr(page, "write", lambda *_, **__: Path("cohort.html"))
    assert draw_page(cohort, 1, None) == Path("cohort.html")
    monkeypatch.setattr(page, "write", full)
    with caplog.at_level(logging.WARNING):
        assert draw_page(cohort, 1, None) is None
    assert "no cohort.html: error[E403]" in caplog.text
