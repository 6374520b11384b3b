"""The report's figures of the whole split, which have no value per patient."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from transmodal.metrics.table import SplitFigure


def section(figures: Sequence[SplitFigure]) -> str:
    """Return the section; empty without figures."""
    if not figures:
        return ""
    lines = "".join(_line(figure) for figure in figures)
    protocols = "".join(
        f'<p class="about">{escape(text)}</p>'
        for text in dict.fromkeys(figure.protocol for figure in figures)
    )
    return (
        '<section><h2>Figures of the whole split</h2><p class="about">They compare the set of all measured slices with '
        "that of all synthetic ones; lower is better. Slices of one patient are alike, and no figure belongs to a "
        'patient: there is no interval and no test.</p><div class="scroll"><table><thead><tr><th>Translator</th>'
        '<th>Figure</th><th>Value</th><th>Slices</th><th class="left"></th></tr></thead>'
        f"<tbody>{lines}</tbody></table></div>{protocols}</section>"
    )


def _line(figure: SplitFigure) -> str:
    value = "&ndash;" if figure.value is None else f"{figure.value:.4g}"
    return (
        f"<tr><th>{escape(figure.translator)}</th><td>{escape(figure.metric.upper())}</td><td>{value}</td>"
        f'<td>{figure.n_slices}</td><td class="left">{escape(figure.note)}</td></tr>'
    )
