"""A column's unit, title and signs are written alike everywhere in the report."""

from __future__ import annotations

from transmodal.evaluation.report.columns import interval, signed, title, unit_text
from transmodal.evaluation.result import Evaluation


def test_a_figure_without_unit_has_none_in_its_title(evaluation: Evaluation) -> None:
    columns = {column.metric: column for column in evaluation.main_columns()}
    assert unit_text(columns["mae"]) == "FA"
    assert title(columns["mae"]) == "MAE (FA)"
    ssim = next(column for name, column in columns.items() if name.startswith("ssim"))
    assert unit_text(ssim) == ""
    assert title(ssim) == ssim.label


def test_intervals_have_true_minus_signs(evaluation: Evaluation) -> None:
    column = evaluation.main_columns()[0]
    assert signed(-0.5, column) == f"\N{MINUS SIGN}{column.text(0.5)}"
    assert signed(0.5, column, plus="+") == f"+{column.text(0.5)}"
    assert (
        interval((-0.5, 0.25), column, minus="&minus;") == f"&minus;{column.text(0.5)} to {column.text(0.25)}"
    )
    assert interval(None, column) == "\N{EN DASH}"
