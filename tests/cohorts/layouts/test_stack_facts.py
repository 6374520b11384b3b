"""Order of pictures, and what pictures do not say: spacings, orientation, colours."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from transmodal.cohorts.layouts._stack_facts import parse_numbers, read_facts, read_stack
from transmodal.errors import InputError, UsageError


def settings_of(**values: Any) -> Any:  # noqa: ANN401  # a fake
    none = {"spacing_mm": (), "mr_spacing_mm": (), "mr_offset_mm": (), "orientation": "", "colours": ""}
    return SimpleNamespace(**{**none, **values})


def test_pictures_are_ordered_by_the_number_at_the_end_of_their_names(tmp_path: Path) -> None:
    for name in ("mr_10.png", "mr_9.png", "mr_0011.tif", "overview.png", "other_12.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    stack, odd = read_stack(tmp_path)
    assert [(number, path.name) for number, path in sorted(stack.items())] == [
        (9, "mr_9.png"),
        (10, "mr_10.png"),
        (11, "mr_0011.tif"),
    ]
    assert sorted(path.name for path in odd) == ["other_12.png", "overview.png"]
    (tmp_path / "mr_010.png").write_bytes(b"")
    with pytest.raises(InputError, match="one picture of a number") as refused:
        read_stack(tmp_path)
    assert refused.value.code == "E103"


def test_a_user_goes_before_the_file(tmp_path: Path) -> None:
    told = {"spacing_mm": [0.2, 1], "mr_spacing_mm": 0.5, "mr_offset_mm": [1, -2], "orientation": "RPI"}
    (tmp_path / "stack.json").write_text(json.dumps(told))
    (tmp_path / "colours.csv").write_text("")
    facts = read_facts(tmp_path, "body", settings_of(spacing_mm=("0.3", "0.4", "2")))
    assert facts.spacing_mm == (0.3, 0.4, 2.0)
    assert facts.mr_spacing_mm == (0.5, 0.5)
    assert facts.mr_offset_mm == (1.0, -2.0)
    assert facts.orientation == "RPI"
    assert facts.colours == tmp_path / "colours.csv"
    assert read_facts(tmp_path, "body", settings_of()).spacing_mm == (0.2, 0.2, 1.0)


def test_spacings_have_to_be_told_and_to_be_positive(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="body consists of pictures") as missing:
        read_facts(tmp_path, "body", settings_of())
    assert missing.value.code == "E111"
    plain = read_facts(tmp_path, "body", settings_of(spacing_mm=("0.5",)))
    assert plain == ((0.5, 0.5, 0.5), None, (0.0, 0.0), "LPI", None)
    with pytest.raises(UsageError, match="more than 0"):
        read_facts(tmp_path, "body", settings_of(spacing_mm=("0.5", "0")))
    (tmp_path / "stack.json").write_text('{"spacing": 1}')
    with pytest.raises(InputError, match=r"stack\.json with spacing"):
        read_facts(tmp_path, "body", settings_of())


@pytest.mark.parametrize("words", [("1", "2"), ("x",), ("nan",), (None,)])
def test_other_numbers_than_allowed_are_refused(words: tuple[object, ...]) -> None:
    assert parse_numbers("spacing_mm", 3, (1, 3)) == (3.0,)
    with pytest.raises(UsageError, match="1 or 3 numbers") as refused:
        parse_numbers("spacing_mm", words, (1, 3))
    assert refused.value.code == "E001"
