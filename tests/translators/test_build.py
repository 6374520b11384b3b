"""Building a translator, whichever it is."""

from __future__ import annotations

import pytest

from transmodal import translators
from transmodal.nets import blocks


def test_vector_maths_is_settled_before_anything_is_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(blocks, "settle", lambda: calls.append("settled"))
    translators.build("pix2pix", {"width": 4, "levels": 3})
    assert calls == ["settled"]
