"""A row describes patients, not cases, and is tested against the reference."""

from __future__ import annotations

import json
from typing import Any

import pytest

from transmodal.errors import UsageError
from transmodal.evaluation.compare import table
from transmodal.evaluation.compare.compare import Comparison, compare
from transmodal.storage import files

Maker = Any


def test_cases_of_one_patient_count_once(make: Maker) -> None:
    run = make("twice", {"unet": make.good}, {"unet": make.record()})
    path = run / "evaluation" / "evaluation.json"
    content = json.loads(path.read_text().replace('"patient-1"', '"patient-0"'))
    files.write_json(path, content)
    (row,) = compare([run]).rows
    assert row.description.n == 7
    assert row.patients[0] == pytest.approx((make.good[0] + make.good[1]) / 2)


def test_a_reference_and_a_margin_that_were_named_beforehand(make: Maker) -> None:
    runs = make.pair()
    rows = _by_name(compare(runs, against="pix2pix", margin=1.0))
    assert rows["pix2pix"].difference is None
    assert rows["unet"].non_inferiority.is_shown is True
    assert rows["mean_target"].non_inferiority.is_shown is False
    text = table.markdown(compare(runs, margin=20))
    assert "At most 20 HU worse" in text
    assert "shown" in text
    with pytest.raises(UsageError, match="no row nobody"):
        compare(runs, against="nobody")
    with pytest.raises(UsageError, match="a margin of 0"):
        compare(runs, margin=0)


def _by_name(comparison: Comparison) -> dict[str, Any]:
    return {one.name: one for one in comparison.rows}
