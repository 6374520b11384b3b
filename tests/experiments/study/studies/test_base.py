"""Studies are found by the names of their modules, and offer what the frame and its pages need."""

from __future__ import annotations

import pytest

from transmodal.errors import UsageError
from transmodal.experiments.study.studies import find, names
from transmodal.experiments.study.studies._base import Study


@pytest.mark.parametrize("name", names())
def test_a_study_says_what_it_asks_and_how_to_read_it(name: str) -> None:
    study = find(name)
    assert isinstance(study, Study)
    assert study.name == name
    assert study.about.endswith("?")
    assert 200 < len(study.reading) < 1200
    assert study.options().model_dump(mode="json") is not None
    assert all(field.description for field in study.options.model_fields.values())
    assert "-o " in study.command


def test_an_unknown_study_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no study 'biologi'"):
        find("biologi")
