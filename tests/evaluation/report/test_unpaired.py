"""The page without pairs shows pictures and cycle errors, and claims nothing of the truth."""

from __future__ import annotations

from transmodal.evaluation.report.unpaired import Picture, page
from transmodal.metrics.table import SplitFigure


def test_the_page_holds_summary_pictures_and_cycles() -> None:
    html = page(
        "unet: FID 12\n<b>: nothing",
        {"unet": {"case 1": 0.012, "case 2": 0.03}},
        [SplitFigure("unet", "fid", 12.0, "Inception", 40)],
        {"case <1>": Picture(b"first", "t1", {"unet": b"second"})},
    )
    assert "<li>unet: FID 12</li><li>&lt;b&gt;: nothing</li>" in html
    assert "<h2>case &lt;1&gt;</h2>" in html
    assert html.count("data:image/png;base64,") == 2
    assert "<td>1.2</td>" in html
    assert "<td class=left>mean</td><td>2.1</td>" in html
    assert "FID: Inception" in html
    assert "nothing about how near the synthetic image is to the truth" in html


def test_without_cycles_there_is_no_table() -> None:
    assert "Cycle error" not in page("nothing", {}, [], {})
