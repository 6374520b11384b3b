"""The page holds every entry, how it was taken and how to enter; names from data are escaped."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

from transmodal.evaluation.leaderboard.page import page, table_csv
from transmodal.evaluation.leaderboard.ranking import rank


def test_a_page_and_a_table(write_entry: Callable[..., Path]) -> None:
    board = rank([write_entry("<b>good", 0), write_entry("fair", 10)], resamples=200)
    html = page(board)
    assert "MR to CT: leaderboard" in html
    assert "&lt;b&gt;good" in html
    assert "<b>good" not in html
    assert "1 to 1" in html
    assert "d" * 64 in html
    assert "transmodal evaluate --predictions VOLUMES=NAME" in html
    assert "Not a medical device" in html
    rows = list(csv.DictReader(io.StringIO(table_csv(board))))
    assert [(row["rank"], row["entry"]) for row in rows] == [
        ("1", "<b>good"),
        ("2", "fair"),
        ("", "mean_target"),
    ]
    assert float(rows[0]["mean_low"]) < float(rows[0]["mean"]) < float(rows[0]["mean_high"])
    assert rows[0]["figures"] == "without volumes"
