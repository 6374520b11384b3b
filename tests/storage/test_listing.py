"""Paths that users write: what is too long to be a name is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.errors import InputError
from transmodal.storage import listing, placeholders
from transmodal.volumes import io


def test_a_text_of_5000_characters_is_no_path(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 5000)
    assert not listing.exists(path)
    assert listing.exists(tmp_path)
    placeholders.refuse(path)
    with pytest.raises(InputError) as caught:
        io.read(path.with_name(path.name + ".nii"))
    assert caught.value.code == "E100"


def test_a_path_with_a_zero_byte_is_no_path(tmp_path: Path) -> None:
    assert not listing.exists(tmp_path / "a\0b")
    placeholders.refuse(tmp_path / "a\0b")
