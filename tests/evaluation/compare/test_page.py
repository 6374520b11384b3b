"""The page of a comparison marks the reference and the oracles, and sorts by numbers."""

from __future__ import annotations

import re
from typing import Any

from transmodal.evaluation.compare.compare import compare
from transmodal.evaluation.compare.page import page

Maker = Any


def test_rows_are_marked_and_sort_by_their_numbers(make: Maker) -> None:
    comparison = compare(make.pair())
    html = page(comparison)
    assert re.findall(r'<tr class="(\w+)"><th scope="row">(\w+)', html) == [
        ("best", "unet"), ("model", "pix2pix"), ("oracle", "mean_target"),
    ]  # fmt: skip
    assert f'data-value="{comparison.rows[1].description.median!r}"' in html
    assert "T1 to CT: comparison" in html
    assert "lower is better; one dot per patient" in html
    assert html.count('<i style="left:') == 3 * 8
