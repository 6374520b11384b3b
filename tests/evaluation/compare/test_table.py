"""All forms of the table say the same, and no name breaks them."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import numpy as np

from transmodal.evaluation.compare import page as comparison_page
from transmodal.evaluation.compare import table
from transmodal.evaluation.compare.compare import compare
from transmodal.notice import INTENDED_USE

Maker = Any


def test_the_four_formats_say_the_same(make: Maker) -> None:
    comparison = compare(make.pair(), margin=2)
    shown = f"{np.mean(make.good):.2f} ± {np.std(make.good, ddof=1):.2f}"
    text = table.markdown(comparison)
    assert f"**unet** | 1 | {shown}" in text
    assert "*mean_target*" in text
    assert "4.86 M" in text
    assert INTENDED_USE in text
    html = comparison_page.page(comparison)
    assert shown in html
    assert make.mae.text().replace("'", "&#x27;") in html
    assert not re.search(r"(src|href)=\"(?!data:)", html)
    tex = table.latex(comparison)
    assert shown.replace("±", r"$\pm$") in tex
    assert r"mean\_target" in tex
    assert "-{}-against" in tex
    assert "--" not in tex
    assert tex.count(r"\\") == 4
    lines = list(csv.DictReader(io.StringIO(table.table_csv(comparison))))
    assert [float(line["mean"]) for line in lines] == [one.description.mean for one in comparison.rows]
    assert lines[0]["difference"] == lines[0]["p_holm"] == ""
    assert float(lines[1]["p_holm"]) == comparison.rows[1].p
    assert lines[1]["non_inferior"] == "False"
    patients = list(csv.DictReader(io.StringIO(table.patients_csv(comparison))))
    assert len(patients) == 3 * 8
    assert float(patients[0]["value"]) == make.good[0]


def test_names_from_files_are_escaped(make: Maker) -> None:
    odd = r"<script>|_50%\x"
    comparison = compare(
        [
            make(
                "odd",
                {odd: make.good, "b": make.bad},
                {odd: make.record(), "b": make.record(recipe_sha256="b" * 64)},
            )
        ]
    )
    assert "<script>|" not in comparison_page.page(comparison)
    assert "&lt;script&gt;|" in comparison_page.page(comparison)
    assert r"<script>\|_50%\\x" in table.markdown(comparison)
    assert r"$<$script$>$|\_50\%\textbackslash{}x" in table.latex(comparison)
    assert odd in table.table_csv(comparison)
