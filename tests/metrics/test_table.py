from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from transmodal.metrics.protocol import Protocol
from transmodal.metrics.table import COLUMNS, Row, summarise, write_csv

MASKED = Protocol("mask", 3, "HU")
RANGED = Protocol("whole", 3, "HU", 4024.0)
SLICED = Protocol("mask", 2, "HU", 4024.0, (11, 9), "mirrored")


def _row(
    case: str, value: float, *, metric: str = "mae", protocol: Protocol = MASKED, by: str = "unet"
) -> Row:
    return Row(case, f"patient of {case}", by, metric, value, "HU", protocol)


def test_a_row_in_json_has_the_seven_keys() -> None:
    assert _row("a", 12.5).to_json() == {
        "case": "a",
        "patient": "patient of a",
        "translator": "unet",
        "metric": "mae",
        "value": 12.5,
        "unit": "HU",
        "protocol": MASKED.text(),
    }


def test_infinity_is_null_with_a_note() -> None:
    record = _row("a", math.inf, metric="psnr").to_json()
    assert record["value"] is None
    assert "identical" in record["note"]
    json.dumps(record, allow_nan=False)


def test_a_value_that_is_not_finite_has_the_reason_of_its_metric() -> None:
    assert _row("a", math.nan, metric="dice").note == "neither image has any of the structures"
    assert _row("a", math.nan, metric="nmse").note == "the metric has no finite value here"
    assert _row("a", 1.0, metric="dice").note == ""


def test_summaries_by_hand() -> None:
    rows = [
        _row("a", 1.0),
        _row("b", 2.0),
        _row("c", 6.0),
        _row("a", 9.0, by="lookup"),
        _row("a", 5.0, metric="x"),
    ]
    first, second, third = summarise(rows)
    assert (first.translator, first.n, first.mean, first.median) == ("unet", 3, 3.0, 2.0)
    assert first.std == pytest.approx(math.sqrt(7))
    assert (second.translator, second.n, second.mean, second.std) == ("lookup", 1, 9.0, None)
    assert third.metric == "x"


def test_protocols_are_never_summed_up_together() -> None:
    assert [one.n for one in summarise([_row("a", 1), _row("b", 2, protocol=RANGED)])] == [1, 1]


def test_infinite_figures_are_left_out_and_counted() -> None:
    (one,) = summarise([_row("a", 30), _row("b", math.inf), _row("c", 40)])
    assert (one.n, one.n_infinite, one.mean, one.median) == (2, 1, 35, 35)
    (none,) = summarise([_row("a", math.inf)])
    assert (none.n, none.mean, none.std, none.median, none.n_infinite) == (0, None, None, None, 1)
    json.dumps([one.to_json(), none.to_json()], allow_nan=False)


def test_csv_has_stable_columns_and_every_digit(tmp_path: Path) -> None:
    path = tmp_path / "evaluation.csv"
    rows = [_row('a,"b"', 1 / 3), _row("ü", math.inf, metric="psnr", protocol=SLICED)]
    write_csv(rows, path)
    with path.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert tuple(table[0]) == COLUMNS
    assert float(table[0]["value"]) == 1 / 3
    assert table[0]["case"] == 'a,"b"'
    assert table[0]["note"] == ""
    assert table[1]["value"] == ""
    assert table[1]["protocol"] == SLICED.text()
    assert "identical" in table[1]["note"]
    assert b"\r" not in path.read_bytes()
