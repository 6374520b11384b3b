from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.commands._pages import check_place, save
from transmodal.errors import UsageError


def page(verb: str) -> str:
    return f'<meta name="generator" content="transmodal {verb}">'


def test_a_page_of_the_verb_is_written_anew_and_nothing_else_is(tmp_path: Path) -> None:
    place = tmp_path / "new" / "a.html"
    check_place(place, "view")
    assert save(page("view") + "\N{GREEK SMALL LETTER MU}", place) == len(page("view")) + 2
    check_place(place, "view")
    with pytest.raises(UsageError, match="no page of transmodal publish") as refused:
        check_place(place, "publish")
    assert refused.value.code == "E005"
    place.write_text("mine")
    with pytest.raises(UsageError, match="no page of transmodal view"):
        check_place(place, "view")


def test_a_page_is_called_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ends in \.html"):
        check_place(tmp_path / "a.nii", "view")
