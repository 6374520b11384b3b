"""Prediction of a phenotype from measured and from synthetic values: of a table, or of planted signals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from transmodal.errors import InputError, UsageError
from transmodal.experiments.study.studies.biology.phenotypes import LINKED, MEASURED, OWN, take_phenotypes
from transmodal.experiments.study.studies.biology.values import Regional

RegionalOf = Callable[..., Regional]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    rows = "\n".join(f"p{n},{20 + n % 7},{'n/a' if n == 3 else n},same" for n in range(24))
    path.write_text(f"participant_id,age,score,site\n{rows}\n")
    return path


def test_planted_scores_are_predicted_from_what_shows_them(regional_of: RegionalOf) -> None:
    values = regional_of(linked_share=1, subjects=60, noise=0.05)
    assert values.own is not None
    r = take_phenotypes({"unet": values._replace(measured=values.synthetic[0] + values.own)}, None, "").r
    assert (r["unet", LINKED].value or 0) > 0.8
    assert abs(r["unet", OWN].value or 0) < 0.4
    assert (r[MEASURED, LINKED].value or 0) > 0.5
    assert (r[MEASURED, OWN].value or 0) > 0.3


def test_a_column_of_a_table(regional_of: RegionalOf, table: Path) -> None:
    values = regional_of()
    age = np.array([20 + n % 7 for n in range(24)], float)
    result = take_phenotypes(
        {"unet": values._replace(synthetic=values.synthetic + age[None, :, None])}, table, "age"
    )
    assert (result.r["unet", "age"].value or 0) > 0.9
    assert abs(result.r[MEASURED, "age"].value or 0) < 0.6
    assert {figure.n for figure in take_phenotypes({"unet": values}, table, "score").figures} == {23}


def test_columns_that_cannot_be_predicted_are_refused(regional_of: RegionalOf, table: Path) -> None:
    rows = {"unet": regional_of()}
    with pytest.raises(UsageError, match="the column height"):
        take_phenotypes(rows, table, "height")
    with pytest.raises(InputError, match="no number"):
        take_phenotypes(rows, table, "site")
    table.write_text("participant_id,age\n" + "\n".join(f"p{n},5" for n in range(24)))
    with pytest.raises(InputError, match="1 of them different"):
        take_phenotypes(rows, table, "age")


def test_reasons_for_no_prediction(regional_of: RegionalOf) -> None:
    assert "needed" in take_phenotypes({"unet": regional_of(subjects=5)}, None, "").reason
    unknown = regional_of()._replace(linked=None, own=None)
    assert "--phenotypes" in take_phenotypes({"unet": unknown}, None, "").reason
