"""Settings of layouts, read as KEY=VALUE."""

from __future__ import annotations

import pytest

from transmodal.cohorts import layouts
from transmodal.cohorts.layouts import brats, folders, ixi
from transmodal.errors import UsageError


def test_settings_are_read_by_the_type_of_their_default() -> None:
    told = layouts.parse_options("ixi", ["need=t1,t2", "bias=true", "limit_mm=1.5", "onto=t1"])
    assert told == ixi.Options(need=("t1", "t2"), bias=True, limit_mm=1.5, onto="t1")
    assert layouts.parse_options("ixi", ["bias=false"]) == ixi.Options()
    assert layouts.parse_options("brats") == brats.Options()
    assert layouts.parse_options("folders") == folders.Options()


@pytest.mark.parametrize(
    ("layout", "setting", "code", "said"),
    [
        ("ixi", "onto", "E001", "KEY=VALUE"),
        ("ixi", "ontoo=t1", "E003", "Did you mean onto"),
        ("ixi", "zzz=t1", "E003", "See transmodal prepare ixi --help"),
        ("ixi", "bias=yes", "E001", "true or false"),
        ("ixi", "limit_mm=much", "E001", "a number"),
        ("ixi", "onto=t3", "E001", "t2, t1, none|t2"),
        ("folders", "need=t1", "E003", "limit_mm, onto"),
        ("ixii", "", "E002", "Did you mean ixi"),
        ("zzz", "", "E002", "prepare --help"),
    ],
)
def test_what_cannot_be_told_is_said(layout: str, setting: str, code: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        layouts.parse_options(layout, [setting])
    assert caught.value.code == code
