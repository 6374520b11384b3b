from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from transmodal.errors import ResourceError
from transmodal.viewing import niivue
from transmodal.viewing.folder import PAGE_BYTES, ViewerFolder
from transmodal.viewing.layers import Layer
from transmodal.volumes import Volume

NOISE = np.random.default_rng(2).integers(0, 30000, (130, 120, 110)).astype(np.int16)
SMALL = [Layer("a", Volume(NOISE[:9, :9, :9], np.eye(4)))]


def test_every_case_has_a_page_below_the_cap_and_one_script(tmp_path: Path) -> None:
    pages = ViewerFolder(tmp_path)
    pages.add("a/../b <c>", [Layer("a", Volume(NOISE, np.eye(4)))])
    pages.add("d", SMALL)
    assert pages.addresses == {"a/../b <c>": "viewer/0001-a-..-b-c.html", "d": "viewer/0002-d.html"}
    first = (tmp_path / pages.addresses["a/../b <c>"]).read_text()
    assert 1_000_000 < len(first) <= PAGE_BYTES
    assert "stored at" in first
    assert '<script src="niivue.js">' in first
    assert sorted(path.name for path in (tmp_path / "viewer").iterdir()) == [
        "0001-a-..-b-c.html",
        "0002-d.html",
        "niivue.js",
    ]
    assert "at most 3 MB" in pages.note()


def test_cases_beyond_what_all_may_take_have_none_and_the_note_counts_them(tmp_path: Path) -> None:
    pages = ViewerFolder(tmp_path, PAGE_BYTES + len(niivue.script().encode()) + 100)
    for case in ("a", "b", "c"):
        pages.add(case, SMALL)
    assert list(pages.addresses) == ["a"]
    assert "2 cases have none" in pages.note()


def test_pages_of_an_earlier_report_go_and_other_files_stay(tmp_path: Path) -> None:
    ViewerFolder(tmp_path).add("old", SMALL)
    (tmp_path / "viewer" / "mine.html").write_text("mine")
    ViewerFolder(tmp_path)
    assert sorted(path.name for path in (tmp_path / "viewer").iterdir()) == ["mine.html", "niivue.js"]


def test_nothing_is_written_without_niivue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(niivue, "_widget", lambda: None)
    niivue.script.cache_clear()
    with pytest.raises(ResourceError, match="transmodal\\[view\\]"):
        ViewerFolder(tmp_path)
    assert not (tmp_path / "viewer").exists()
