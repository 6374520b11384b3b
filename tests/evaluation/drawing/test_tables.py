"""What a cell holds cannot break a table."""

from __future__ import annotations

from transmodal.evaluation.drawing.tables import csv_table, escape_latex, latex_table, markdown_table


def test_cells_cannot_break_a_table() -> None:
    assert markdown_table(["a|b", "c"], [["x", "y"]]).splitlines() == [
        r"| a\|b | c |",
        "|---|---:|",
        "| x | y |",
    ]
    assert escape_latex("a--b {c}~^\\") == r"a-{}-b \{c\}\textasciitilde{}\textasciicircum{}\textbackslash{}"
    assert r"\caption{50 \%}" in latex_table("50 %", ["a", "b"], [["1", "2"]], {0})
    assert csv_table([{"a": 'x,"y"', "b": None}]) == 'a,b\n"x,""y""",\n'
