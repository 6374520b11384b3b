"""Figures of the whole split stand with their protocol, and without interval."""

from __future__ import annotations

from transmodal.evaluation.report.split_figures import section
from transmodal.metrics.table import SplitFigure


def test_no_figures_have_no_section() -> None:
    assert section([]) == ""


def test_a_figure_stands_with_its_protocol_and_a_missing_one_with_its_reason() -> None:
    text = section(
        [
            SplitFigure("<unet>", "fid", 12.345678, "Inception of 2048 features", 900),
            SplitFigure("pix2pix", "kid", None, "Inception of 2048 features", 3, "3 slices, 10 are needed"),
        ]
    )
    assert "<th>&lt;unet&gt;</th><td>FID</td><td>12.35</td><td>900</td>" in text
    assert '<td>KID</td><td>&ndash;</td><td>3</td><td class="left">3 slices, 10 are needed</td>' in text
    assert text.count("Inception of 2048 features") == 1
