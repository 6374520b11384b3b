"""The report's agreement by region: a Bland-Altman plot and a line of a table per region."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from transmodal.evaluation.drawing.charts import plot_figure
from transmodal.evaluation.drawing.html import DASH, column_heads
from transmodal.evaluation.drawing.words import interval, true_minus
from transmodal.evaluation.measures.regional import DEFINITIONS, RegionalAgreement, agreements
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.statistics.paired_tests import FEWEST
from transmodal.modalities import modality_in

_WIDTH, _HEIGHT = 300.0, 140.0
_N_PLOTS = 16
_DECIMALS = 3
"""Of a unit whose record gives none."""


def section(evaluation: Evaluation) -> str:
    """Return the section; empty without regions, or with fewer than two patients."""
    regions = agreements(evaluation.regions)
    if not regions:
        return ""
    unit = evaluation.task.unit
    few = min(region.statistics.n for region in regions) < FEWEST
    note = (
        f'<p class="about">No intervals where a region has fewer than {FEWEST} patients.</p>' if few else ""
    )
    parts = [
        _model_part(regions, name, unit) for name in dict.fromkeys(region.translator for region in regions)
    ]
    return f'<section><h2>Agreement by region</h2><p class="about">{_about(unit)}</p>{note}{"".join(parts)}</section>'


def _about(unit: str) -> str:
    made_by = modality_in(unit).regions or ""
    shrunken = (
        " A translator that tends to the mean is too high where the measured values are low, and too low where "
        "they are high."
        if made_by == "tenths"
        else ""
    )
    return (
        f"Bland and Altman&rsquo;s plot of the mean {escape(unit)} of each region: one dot per patient, across the mean "
        "of measured and synthetic, up synthetic minus measured. Line: bias; dashed: limits of agreement (bias &plusmn; "
        "1.96 standard deviations), shaded with their 95&nbsp;% intervals. All plots have one scale upwards. Regions: "
        f"{escape(true_minus(DEFINITIONS[made_by]))}, and the labels of segmentations, inside the evaluation mask.{shrunken}"
    )


def _model_part(regions: Sequence[RegionalAgreement], name: str, unit: str) -> str:
    agreements_of_model = [region for region in regions if region.translator == name]
    reach = _reach(regions)
    plots = "".join(_plot(region, reach, unit) for region in agreements_of_model[:_N_PLOTS])
    n_undrawn = len(agreements_of_model) - _N_PLOTS
    more = f'<p class="about">{n_undrawn} more regions are in the table alone.</p>' if n_undrawn > 0 else ""
    heads = column_heads(("Patients", "Measured", "Bias", "Interval", "Lower limit", "Upper limit", "Slope"))
    lines = "".join(_line(region, unit) for region in agreements_of_model)
    return (
        f'<h3>{escape(name)}</h3><div class="charts agree">{plots}</div>{more}<div class="scroll"><table><thead><tr>'
        f"<th>Region</th>{heads}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _reach(regions: Sequence[RegionalAgreement]) -> tuple[float, float]:
    """Return the ends of the vertical axis: all differences, limits, their intervals, and 0."""
    values = [0.0]
    for region in regions:
        values += [region.statistics.lower, region.statistics.upper, *(region.synthetic - region.measured)]
        values += [*(region.statistics.of_lower or ()), *(region.statistics.of_upper or ())]
    margin = 0.06 * (max(values) - min(values)) or 1e-6
    return float(min(values) - margin), float(max(values) + margin)


def _plot(region: RegionalAgreement, reach: tuple[float, float], unit: str) -> str:
    across, up = (region.synthetic + region.measured) / 2, region.synthetic - region.measured
    margin = 0.08 * float(np.ptp(across)) or 1e-6
    first, last = float(across.min()) - margin, float(across.max()) + margin

    def height(value: float) -> float:
        return (reach[1] - value) / (reach[1] - reach[0]) * _HEIGHT

    bands = "".join(
        f'<rect x="0" width="{_WIDTH:g}" y="{height(band.high):.1f}" height="{height(band.low) - height(band.high):.1f}"/>'
        for band in (region.statistics.of_lower, region.statistics.of_upper)
        if band is not None
    )
    levels = (
        ("zero", 0.0),
        ("limit", region.statistics.lower),
        ("limit", region.statistics.upper),
        ("bias", region.statistics.bias),
    )
    lines = "".join(
        f'<line class="{kind}" x1="0" x2="{_WIDTH:g}" y1="{height(value):.1f}" y2="{height(value):.1f}"/>'
        for kind, value in levels
    )
    dots = "".join(
        f'<path d="M{(x - first) / (last - first) * _WIDTH:.1f} {height(y):.1f}h0"><title>{escape(patient)}: '
        f"{escape(_text(y, unit))} {escape(unit)}</title></path>"
        for patient, x, y in zip(region.patients, across, up, strict=True)
    )
    return plot_figure(
        region.region,
        f"{bands}{lines}{dots}",
        (_WIDTH, _HEIGHT),
        description=f"{region.region}: bias {_text(region.statistics.bias, unit)} {unit}, limits {_text(region.statistics.lower, unit)} to "
        f"{_text(region.statistics.upper, unit)}",
        across=(_text(first, unit), f"{_text(last, unit)} {unit}"),
        up=(_text(reach[0], unit), _text(reach[1], unit)),
    )


def _line(region: RegionalAgreement, unit: str) -> str:
    agreement = region.statistics
    slope = DASH if agreement.slope is None else true_minus(f"{agreement.slope:+.2f}")
    cells = [
        str(agreement.n),
        _text(float(region.measured.mean()), unit),
        _text(agreement.bias, unit),
        interval(agreement.of_bias, lambda value: _text(value, unit), DASH),
        _text(agreement.lower, unit),
        _text(agreement.upper, unit),
        slope,
    ]
    return f'<tr><th scope="row">{escape(region.region)}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _text(value: float, unit: str) -> str:
    decimals = modality_in(unit).decimals
    return true_minus(f"{value:.{_DECIMALS if decimals is None else decimals}f}")
