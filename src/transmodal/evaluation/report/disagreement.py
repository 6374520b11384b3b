"""The report's section on uncertainty: the disagreement of a translator's passes beside its errors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from transmodal.evaluation.drawing.charts import plot_figure
from transmodal.evaluation.drawing.html import DASH, MINUS, headings
from transmodal.evaluation.drawing.words import interval, number, sentence
from transmodal.evaluation.measures.disagreement import DisagreementOverPatients, DisagreementRow
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.statistics.paired_tests import Description, too_few
from transmodal.metrics.uncertainty import PARTS

_WIDTH, _HEIGHT = 300.0, 140.0


def section(evaluation: Evaluation) -> str:
    """Return the section; empty where no translator has several passes."""
    pooled = evaluation.pooled
    if not pooled:
        return ""
    unit = evaluation.task.unit
    reason = too_few(min(model.patients for model in pooled))
    note = f'<p class="about">{escape(sentence(reason))}</p>' if reason else ""
    band_text = "" if reason else ", its 95&nbsp;% interval"
    findings = "".join(_finding(model) for model in pooled)
    top = max(_top(model) for model in pooled) or 1.0
    charts = "".join(_chart(model, top, unit) for model in pooled)
    return (
        f'<section><h2>Uncertainty</h2><p class="about">{_about(evaluation)}</p>{note}'
        f'<ul class="findings">{findings}</ul>'
        f'<div class="legend"><span><i class="error"></i>mean absolute error{band_text}</span>'
        '<span><i class="doubt"></i>mean disagreement</span><span><i class="all"></i>mean absolute error of all voxels'
        f'</span></div><div class="charts doubts">{charts}</div>{_table(pooled, unit)}'
        f"{_cases(evaluation.disagreements, unit)}</section>"
    )


def _about(evaluation: Evaluation) -> str:
    passes = "; ".join(
        f"{escape(model.translator)}: {escape(axes)}"
        for model in evaluation.pooled
        if (axes := _axes(evaluation.records.get(model.translator, {})))
    )
    return (
        "Disagreement is the standard deviation over the passes of one translation, voxel by voxel"
        f"{f' ({passes})' if passes else ''}. It is no calibrated uncertainty: these figures say whether errors are larger "
        "where it is larger. The voxels inside the evaluation mask are parted into tenths by their disagreement; means "
        "are over patients, each of equal weight. &rho;: Spearman&rsquo;s rank correlation of disagreement and absolute "
        "error, 1 is best. AUSE: area under the sparsification error (Ilg et al. 2018), 0 is best; what an order by chance "
        "has stands beside it. None of this ranks a translator: one that errs everywhere alike has nothing to tell."
    )


def _axes(record: Mapping[str, object]) -> str:
    passes = record.get("passes")
    if not isinstance(passes, Mapping):
        return ""
    axes, draws, flips = (passes.get(name) for name in ("axes", "draws", "flips"))
    parts = [f"slices across {', '.join(axes)}"] if axes else []
    parts += [f"{draws} draws of noise"] if draws else []
    return ", ".join(parts + ([f"mirrored along {', '.join(flips)}"] if flips else []))


def _finding(model: DisagreementOverPatients) -> str:
    low, high = model.error[0].mean, model.error[-1].mean
    times = f"{high / low:.3g} times as much" if low > 0 else f"{number(high)} against 0"
    if model.ause is None or model.ause_random is None:
        return f'<li class="not"><code>{escape(model.translator)}</code> has no errors to tell of.</li>'
    helps = model.ause.mean < model.ause_random.mean
    return (
        f'<li class="{"yes" if helps else "not"}"><code>{escape(model.translator)}</code> errs {times} in the tenth of most '
        f"disagreement as in that of least; AUSE {model.ause.mean:.3f}, by chance {model.ause_random.mean:.3f}.</li>"
    )


def _top(model: DisagreementOverPatients) -> float:
    return max(
        *model.disagreement, *(tenth.of_mean.high if tenth.of_mean else tenth.mean for tenth in model.error)
    )


def _chart(model: DisagreementOverPatients, top: float, unit: str) -> str:
    def place(n: int, value: float) -> str:
        return f"{(n + 0.5) / PARTS * _WIDTH:.1f},{_HEIGHT * (1 - value / (1.05 * top)):.1f}"

    def line(values: Sequence[float]) -> str:
        return " ".join(place(n, value) for n, value in enumerate(values))

    means = [tenth.mean for tenth in model.error]
    ends = [tenth.of_mean for tenth in model.error if tenth.of_mean is not None]
    band = f"{line([end.high for end in ends])} {' '.join(reversed(line([end.low for end in ends]).split()))}"
    dots = "".join(
        f'<path d="M{place(n, value)}h0"><title>tenth {n + 1}: error {escape(number(value))}, disagreement '
        f"{escape(number(model.disagreement[n]))} {escape(unit)}</title></path>"
        for n, value in enumerate(means)
    )
    overall = place(0, math.fsum(means) / len(means)).split(",")[1]
    drawing = (
        f"{f'<polygon points={chr(34)}{band}{chr(34)}/>' if ends else ''}"
        f'<line x1="0" x2="{_WIDTH:g}" y1="{overall}" y2="{overall}"/><polyline class="doubt" '
        f'points="{line(model.disagreement)}"/><polyline class="error" points="{line(means)}"/>{dots}'
    )
    return plot_figure(
        model.translator,
        drawing,
        (_WIDTH, _HEIGHT),
        description=f"{model.translator}: absolute error by tenth of disagreement, {number(means[0])} to "
        f"{number(means[-1])} {unit}",
        across=("least disagreement", "most"),
        up=("0", f"{number(1.05 * top)} {unit}"),
    )


def _table(pooled: Sequence[DisagreementOverPatients], unit: str) -> str:
    heads = (
        "Patients",
        "&rho; &uarr;",
        "Interval",
        "AUSE &darr;",
        "Interval",
        "By chance",
        "Error, least",
        "Error, most",
    )
    units = ("", "", "", "", "", "", unit, unit)
    cells = "".join(
        f"<th>{head}<small>{escape(own) or '&nbsp;'}</small></th>"
        for head, own in zip(heads, units, strict=True)
    )
    rows = "".join(
        f'<tr><th scope="row">{escape(model.translator)}</th><td>{model.patients}</td>'
        f"{_described(model.spearman)}{_described(model.ause)}<td>{_mean(model.ause_random)}</td>"
        f"<td>{_size(model.error[0].mean)}</td><td>{_size(model.error[-1].mean)}</td></tr>"
        for model in pooled
    )
    return f'<div class="scroll"><table><thead><tr><th>Translator</th>{cells}</tr></thead><tbody>{rows}</tbody></table></div>'


def _described(description: Description | None) -> str:
    ends = interval(description.of_mean if description else None, _signed, DASH)
    return f"<td>{_mean(description)}</td><td>{ends}</td>"


def _mean(description: Description | None) -> str:
    return DASH if description is None else _signed(description.mean)


def _size(value: float) -> str:
    """Return a size in the target's unit with three digits, so that those of a column stand alike."""
    return number(value) if value >= 100 else f"{value:#.3g}"


def _signed(value: float) -> str:
    return f"{value:.3f}".replace("-", MINUS)


def _cases(rows: Sequence[DisagreementRow], unit: str) -> str:
    heads = headings(
        (
            "Case",
            "Translator",
            f"Disagreement ({unit})",
            "Error, least tenth",
            "Error, most",
            "\N{GREEK SMALL LETTER RHO}",
            "AUSE",
            "By chance",
        ),
        n_text_columns=2,
    )
    body = "".join(
        f'<tr><td>{escape(row.case)}</td><td class="left">{escape(row.translator)}</td>'
        + "".join(
            _cell(value, _size(value))
            for value in (math.fsum(row.disagreement) / PARTS, row.error[0], row.error[-1])
        )
        + "".join(_cell(value, _signed(value)) for value in (row.spearman, row.ause, row.ause_random))
        + "</tr>"
        for row in rows
    )
    return (
        f'<details><summary>Every case</summary><div class="scroll tall"><table class="sortable"><thead><tr>{heads}</tr>'
        f"</thead><tbody>{body}</tbody></table></div></details>"
    )


def _cell(value: float, text: str) -> str:
    return (
        '<td data-value="">&ndash;</td>' if math.isnan(value) else f'<td data-value="{value!r}">{text}</td>'
    )
