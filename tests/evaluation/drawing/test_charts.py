from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from transmodal.evaluation.drawing.charts import Curve, dot_plot, line_chart, read_curves

HEAD = "step,phase,epoch,name,value\n"


def test_curves_are_read_by_name_and_run(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEAD + "50,train,1,l1,0.5\n100,train,1,l1,0.25\n100,cnn,1,l1,0.2\n")
    (tmp_path / "b.csv").write_text(HEAD + "50,train,1,l1,0.7\n50,,1,ssim,0.1\n")
    curves = read_curves({"a": tmp_path / "a.csv", "b": tmp_path / "b.csv"})
    assert curves == {
        "l1": [Curve("a", [(50, 0.5), (100, 0.25)]), Curve("b", [(50, 0.7)])],
        "cnn: l1": [Curve("a", [(100, 0.2)])],
        "ssim": [Curve("b", [(50, 0.1)])],
    }


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "step,name\n1,l1\n", HEAD + "1,train,1,l1,nan\nx,train,1,l1,2\n3,train,1\n", "\udcff"],
)
def test_broken_curves_are_passed_over(text: str, tmp_path: Path) -> None:
    path = tmp_path / "curves.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert read_curves({"a": path, "b": tmp_path / "missing.csv"}) == {}


def test_curves_that_are_a_pipe_are_passed_over_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "curves.csv")
    assert read_curves({"a": tmp_path / "curves.csv"}) == {}


def test_a_chart_spans_its_values() -> None:
    chart = line_chart("l1 <b>", [Curve("b", [(0, 1.0), (10, 3.0)])], ["a", "b"])
    assert "l1 &lt;b&gt;" in chart
    assert "<b>" not in chart
    points = re.search(r'class="run1" points="([^"]+)"', chart)
    assert points is not None
    (x1, y1), (x2, y2) = (map(float, pair.split(",")) for pair in points[1].split())
    assert (x1, x2) == (0, 300)
    assert 120 > y1 > y2 > 0


def test_a_single_point_is_a_dot() -> None:
    assert "<circle" in line_chart("mae", [Curve("a", [(5, 1.0)])], ["a"])


def test_long_curves_are_thinned() -> None:
    chart = line_chart("l1", [Curve("a", [(n, float(n)) for n in range(5000)])], ["a"])
    assert chart.count(",") < 500


def test_dots_lie_in_order_and_are_escaped() -> None:
    plot = dot_plot(
        {"<i>": [("case & co", 1.0), ("b", 3.0)], "none": [], "inf": [("c", float("inf"))]}, "MAE", ["none"]
    )
    shares = [float(share) for share in re.findall(r"<i style=\"left:([\d.]+)%", plot)]
    assert len(shares) == 2
    assert 0 < shares[0] < shares[1] < 100
    assert "case &amp; co" in plot
    assert "&lt;i&gt;" in plot
    assert plot.count('class="muted"') == 1
