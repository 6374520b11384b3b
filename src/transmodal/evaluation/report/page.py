"""The report: one HTML file that opens offline, with figures, pictures, protocols and provenance."""

from __future__ import annotations

from html import escape

from transmodal.evaluation.drawing.charts import line_chart, read_curves
from transmodal.evaluation.drawing.contents import with_contents
from transmodal.evaluation.drawing.figures import task_label
from transmodal.evaluation.drawing.html import document
from transmodal.evaluation.measures import histogram, organs
from transmodal.evaluation.report import (
    agreement,
    disagreement,
    figures,
    header,
    pictures,
    provenance,
    significance,
    split_figures,
    strata,
)
from transmodal.evaluation.result import Evaluation
from transmodal.notice import INTENDED_USE


def page(evaluation: Evaluation) -> str:
    """Return the report as one self-contained HTML document; all text from data is escaped."""
    sections = (
        header.section(evaluation),
        figures.section(evaluation),
        pictures.section(evaluation),
        significance.section(evaluation),
        agreement.section(evaluation),
        strata.section(evaluation),
        organs.section(evaluation.organs),
        split_figures.section(evaluation.splits),
        figures.cases_section(evaluation),
        histogram.section(
            evaluation.errors, evaluation.models, evaluation.task.data_range, evaluation.task.unit
        ),
        disagreement.section(evaluation),
        _curves(evaluation),
        provenance.protocols_section(evaluation),
        provenance.section(evaluation),
        f"<footer><strong>{escape(INTENDED_USE)}</strong></footer>",
    )
    task = evaluation.task
    title = f"{task_label(task.sources, task.target)}: evaluation"
    return document(title, with_contents(sections), "report")


def _curves(evaluation: Evaluation) -> str:
    curves = read_curves(evaluation.curves)
    if not curves:
        return ""
    runs = list(evaluation.models)
    legend = "".join(
        f'<span><i class="run{n % 6}"></i>{escape(name)}</span>'
        for n, name in enumerate(runs)
        if name in evaluation.curves
    )
    charts = "".join(line_chart(name, series, runs) for name, series in sorted(curves.items()))
    return f'<section><h2>Training</h2><div class="legend">{legend}</div><div class="charts">{charts}</div></section>'
