"""Figures that were taken again, compared with written ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.errors import IntegrityError
from transmodal.evaluation.records.figures import Figure
from transmodal.evaluation.verify.tally import Tally, fields_of


def tally() -> Tally:
    return Tally(Path("runs/evaluation.json"))


def test_figures_are_counted_and_words_are_not() -> None:
    counts = tally()
    counts.compare("mae", 0.1 + 0.2, 0.3)  # the last bit differs
    counts.compare("bins", [1.0, 2.0], [1.0, 2.0])  # a list counts once
    counts.compare("patient", "p1", "p1")
    counts.compare("psnr", None, None)
    assert (counts.n_figures, counts.n_exact) == (3, 2)


@pytest.mark.parametrize(
    ("new", "stored"), [(1.0, 1.0 + 1e-8), (1.0, None), ([1.0], [1.0, 2.0]), ("a", "b"), (1.0, "1")]
)
def test_what_differs_is_named_with_its_file(new: object, stored: object) -> None:
    with pytest.raises(IntegrityError, match="mae of unet is") as refused:
        tally().compare("mae of unet", new, stored)
    assert refused.value.code == "E501"
    assert "evaluation.json" in str(refused.value)


def test_records_are_compared_with_the_numbers_within_them() -> None:
    counts = tally()
    record = {"metric": "mae", "n": 3, "drop": {"mean": 0.5, "low": 0.25}}
    counts.compare_records("strata", [record], [record], ("metric",))
    assert (counts.n_figures, counts.n_exact) == (2, 2)
    worse = {**record, "drop": {"mean": 0.5, "low": 0.2}}
    with pytest.raises(IntegrityError, match=r"drop low of mae is 0\.2"):
        counts.compare_records("strata", [record], [worse], ("metric",))
    with pytest.raises(IntegrityError, match="strata with 0 lines"):
        counts.compare_records("strata", [record], [], ("metric",))


def test_a_part_gives_the_fields_that_stand_in_its_file() -> None:
    figure = Figure(
        case="c", patient="p", translator="t", metric="mae", value=1.5, unit="HU", protocol="inside the mask"
    )
    assert "note" not in fields_of(figure)
    assert fields_of(figure)["value"] == 1.5
    assert fields_of(None) == {}
