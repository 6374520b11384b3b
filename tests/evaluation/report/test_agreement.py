"""The plot of agreement has a dot per patient and region, and its table the figures of the statistics."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from transmodal.evaluation.measures.regional import RegionRow
from transmodal.evaluation.report import agreement
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.statistics.agreement import bland_altman

MEASURED = np.array([0.31, 0.42, 0.27, 0.55, 0.38, 0.47, 0.29])
SYNTHETIC = MEASURED + np.array([-0.02, 0.01, -0.03, 0.0, -0.01, -0.04, 0.02])


def _with_regions(evaluation: Evaluation, n_patients: int, regions: int = 1) -> Evaluation:
    rows = [
        RegionRow(f"case {n}", f"<{n}>", "unet", f"part {part}", 10, float(MEASURED[n]), float(SYNTHETIC[n]))
        for part in range(regions)
        for n in range(n_patients)
    ]
    return replace(evaluation, regions=tuple(rows))


def test_without_regions_or_with_one_patient_there_is_no_section(evaluation: Evaluation) -> None:
    assert agreement.section(_with_regions(evaluation, 0)) == ""
    assert agreement.section(_with_regions(evaluation, 1)) == ""


def test_the_table_holds_the_figures_of_the_statistics(evaluation: Evaluation) -> None:
    text = agreement.section(_with_regions(evaluation, 7))
    (cells,) = re.findall(r'<tr><th scope="row">part 0</th>(.*?)</tr>', text)
    figures = bland_altman(SYNTHETIC, MEASURED)
    assert figures.of_bias is not None
    shown = [f"{value:.4f}".replace("-", "\N{MINUS SIGN}") for value in (figures.bias, *figures.of_bias)]
    assert cells.startswith(f"<td>7</td><td>{MEASURED.mean():.4f}</td><td>{shown[0]}</td>")
    assert f"<td>{shown[1]} to {shown[2]}</td>" in cells
    assert text.count("h0") == 7
    assert "&lt;3&gt;" in text


def test_few_patients_have_a_note_and_no_interval(evaluation: Evaluation) -> None:
    text = agreement.section(_with_regions(evaluation, 5))
    assert "No intervals where a region has fewer than 6 patients." in text
    assert "<rect" not in text
    assert "<td>&ndash;</td>" in text


def test_of_many_regions_sixteen_are_drawn(evaluation: Evaluation) -> None:
    text = agreement.section(_with_regions(evaluation, 6, regions=18))
    assert text.count("<figure") == 16
    assert text.count('<th scope="row">') == 18
    assert "2 more regions are in the table alone." in text
