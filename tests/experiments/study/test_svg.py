"""Charts stand alone as XML, show every figure with a value, and place them by their values."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from transmodal.experiments.study.record import StudyChart, StudyFigure, StudyRecord
from transmodal.experiments.study.svg import draw, position

RecordOf = Callable[..., StudyRecord]
SVG = "{http://www.w3.org/2000/svg}"


def figures(*values: float | None) -> tuple[StudyFigure, ...]:
    return tuple(
        StudyFigure(
            table="Main",
            row="a <b>",
            group=f"{n} mm",
            figure="r",
            value=value,
            interval=None if value is None else (value - 1, value + 1),
        )
        for n, value in enumerate(values)
    )


@pytest.mark.parametrize(("kind", "axis", "sign"), [("intervals", "cx", 1), ("curves", "cy", -1)])
def test_dots_lie_where_their_values_are(record_of: RecordOf, kind: str, axis: str, sign: int) -> None:
    chart = StudyChart.model_validate(
        {"table": "Main", "figure": "r", "caption": "A & B", "kind": kind, "reference": 0.0}
    )
    drawing = ElementTree.fromstring(draw(record_of(*figures(1.0, None, 2.0, 4.0)), chart))
    dots = [float(dot.get(axis, "nan")) * sign for dot in drawing.iter(f"{SVG}circle")][:3]
    assert dots[1] - dots[0] == pytest.approx((dots[2] - dots[1]) / 2, abs=0.2)
    assert dots[0] < dots[1]
    assert len([line for line in drawing.iter(f"{SVG}line") if line.get("class") == "c0"]) == 3
    assert len([line for line in drawing.iter(f"{SVG}line") if line.get("class") == "reference"]) == 1
    assert drawing.get("aria-label") == "A & B"


@pytest.mark.parametrize("kind", ["intervals", "curves"])
def test_axes_say_what_they_are_of(record_of: RecordOf, kind: str) -> None:
    chart = StudyChart.model_validate(
        {"table": "Main", "figure": "r", "caption": "c", "kind": kind, "unit": "HU < 5"}
    )
    record = record_of(*figures(1.0, 2.0))
    texts = [text.text for text in ElementTree.fromstring(draw(record, chart)).iter(f"{SVG}text")]
    assert "r, HU < 5" in texts
    assert (record.tables[0].group_heading in texts) is (kind == "curves")
    without = ElementTree.fromstring(draw(record, chart.model_copy(update={"unit": ""})))
    assert "r" in [text.text for text in without.iter(f"{SVG}text")]


def test_long_labels_keep_the_end_that_tells_them_apart(record_of: RecordOf) -> None:
    row = "unet_regression, 3 runs together"
    levels = [
        StudyFigure(table="Main", row=row, group=f"test subjects, {level} %", figure="r", value=1.0)
        for level in (80, 90)
    ]
    drawing = ElementTree.fromstring(
        draw(record_of(*levels), StudyChart(table="Main", figure="r", caption="c"))
    )
    labels = [str(text.text) for text in drawing.iter(f"{SVG}text") if text.get("text-anchor") == "end"]
    assert labels == ["unet_regression, 3…test subjects, 80 %", "unet_regression, 3…test subjects, 90 %"]
    assert max(map(len, labels)) <= 38


def test_figures_of_one_value_and_none_at_all_can_be_drawn(record_of: RecordOf) -> None:
    chart = StudyChart(table="Main", figure="r", caption="c")
    for record in (record_of(*figures(0.0)), record_of(*figures(None))):
        ElementTree.fromstring(draw(record, chart))
        ElementTree.fromstring(draw(record, chart.model_copy(update={"kind": "curves"})))


def test_a_legend_of_many_curves_stays_within_its_drawing(record_of: RecordOf) -> None:
    chart = StudyChart(table="Main", figure="r", caption="many", kind="curves")
    many = [figure.model_copy(update={"row": f"row {n}"}) for n in range(30) for figure in figures(1.0, 2.0)]
    drawing = ElementTree.fromstring(draw(record_of(*many), chart))
    height = float(drawing.get("viewBox", "").split()[3])
    assert max(float(text.get("y", "nan")) for text in drawing.iter(f"{SVG}text")) < height


def test_a_level_has_the_number_that_it_starts_with() -> None:
    assert [position(level) for level in ("5 voxels", "-2.5", "none", "")] == [5.0, -2.5, 0.0, 0.0]
