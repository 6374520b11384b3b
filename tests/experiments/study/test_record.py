"""A study's record: what does not fit is refused, and what was written comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from transmodal.errors import InputError, IntegrityError
from transmodal.experiments.study.record import NAME, StudyChart, StudyFigure, StudyRecord, read, write

RecordOf = Callable[..., StudyRecord]
FIGURE = StudyFigure(table="Main", row="unet", group="left", figure="r", value=0.5, interval=(0.1, 0.8), n=6)


def test_a_record_comes_back(record_of: RecordOf, tmp_path: Path) -> None:
    record = record_of(FIGURE, FIGURE.model_copy(update={"group": "right", "value": None, "note": "empty"}))
    write(record, tmp_path / NAME)
    assert read(tmp_path) == read(tmp_path / NAME) == record
    assert [figure.group for figure in record.of_table("Main")] == ["left", "right"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tables": ()}, "without a table"),
        ({"charts": (StudyChart(table="Main", figure="icc", caption="c"),)}, "without a table"),
        ({"surplus": 1}, "surplus"),
    ],
)
def test_what_does_not_fit_is_refused(record_of: RecordOf, change: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        record_of(FIGURE, **change)


def test_two_figures_in_one_place_are_refused(record_of: RecordOf) -> None:
    with pytest.raises(ValidationError, match="in one place"):
        record_of(FIGURE, FIGURE.model_copy(update={"value": 0.6}))


def test_figures_have_six_digits(record_of: RecordOf) -> None:
    figure = FIGURE.model_copy(update={"value": 1 / 3, "interval": (-2 / 3, 123456.789)}).model_dump()
    (rounded,) = record_of(figure).figures
    assert (rounded.value, rounded.interval) == (0.333333, (-0.666667, 123457.0))


def test_a_changed_file_is_known(record_of: RecordOf, tmp_path: Path) -> None:
    write(record_of(FIGURE), tmp_path / NAME)
    content = json.loads((tmp_path / NAME).read_text())
    content["figures"][0]["value"] = 0.9
    (tmp_path / NAME).write_text(json.dumps(content))
    with pytest.raises(IntegrityError, match="was changed"):
        read(tmp_path)


@pytest.mark.parametrize("verb", ["transmodal study", "transmodal reader score"])
def test_a_changed_record_names_the_verb_that_writes_it(
    record_of: RecordOf, tmp_path: Path, verb: str
) -> None:
    write(record_of(FIGURE, command=f"{verb} session"), tmp_path / NAME)
    (tmp_path / NAME).write_text((tmp_path / NAME).read_text().replace("0.5", "0.9"))
    with pytest.raises(IntegrityError) as refused:
        read(tmp_path)
    assert refused.value.remedy.endswith(f"write it again with {verb}.")


def test_a_later_format_and_another_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"version": 2}')
    with pytest.raises(InputError, match="of format 2"):
        read(tmp_path)
    (tmp_path / NAME).write_text('{"version": 1}')
    with pytest.raises(InputError, match="field required"):
        read(tmp_path)
