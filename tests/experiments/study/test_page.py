"""A study's page: whole, escaped, with how it came about."""

from __future__ import annotations

from collections.abc import Callable

from transmodal.experiments.study.page import origin_lines, page
from transmodal.experiments.study.record import (
    Omission,
    StudyChart,
    StudyFigure,
    StudyModel,
    StudyRecord,
    StudyTable,
)

RecordOf = Callable[..., StudyRecord]
FIGURE = StudyFigure(table="Main", row="<unet>", figure="r", value=0.5)


def test_the_page_shows_everything_and_escapes_it(record_of: RecordOf) -> None:
    record = record_of(
        FIGURE,
        FIGURE.model_copy(update={"table": "Detail"}),
        tables=(
            StudyTable(name="Main", caption="All & nothing."),
            StudyTable(name="Detail", caption="More.", is_detail=True),
        ),
        charts=(StudyChart(table="Main", figure="r", caption="A chart."),),
        findings=("It works < 1.",),
    )
    html = page(record)
    assert "<unet>" not in html
    for part in ("&lt;unet&gt;", "All &amp; nothing.", "It works &lt; 1.", "<svg", "A chart.", "Look at it."):
        assert part in html
    assert html.index("<details><summary>Detail") > html.index("All &amp; nothing.")
    assert "Not a medical device." in html


def test_the_origin_names_runs_omissions_and_random_weights(record_of: RecordOf) -> None:
    model = StudyModel(
        row="unet",
        translator="unet_regression",
        recipe="tiny",
        recipe_sha256="a" * 64,
        weights_sha256="b" * 64,
        seed=3,
        random_weights=("sam",),
    )
    lines = origin_lines(
        record_of(
            FIGURE,
            models=(model,),
            omissions=(Omission(part="lesions", reason="none planted"),),
            notes=("A note.",),
            commit="c" * 40,
        )
    )
    text = "\n".join(lines)
    assert f"unet, seed 3: recipe tiny {'a' * 12}, weights {'b' * 12}; random weights of sam" in text
    assert "Left out: lesions: none planted." in lines
    assert "A note." in lines
    assert f"at commit {'c' * 12} by transmodal 0: transmodal study example" in text
