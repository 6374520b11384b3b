"""The report's pictures: a card per case, three planes of source, target, synthetic volumes and errors."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import numpy as np

from transmodal.evaluation.drawing.figures import DisplayWindow, Pixels, difference, error_palette, label
from transmodal.evaluation.drawing.inline import error_uri, grey_uri
from transmodal.evaluation.drawing.planes import PLANES, Strip
from transmodal.evaluation.drawing.words import MINUS, number
from transmodal.evaluation.measures.gallery import CasePictures
from transmodal.evaluation.report import zoom
from transmodal.evaluation.report.figures import viewer_link
from transmodal.evaluation.result import Evaluation


def section(evaluation: Evaluation) -> str:
    """Return the section with a card per pictures; empty where there is none."""
    if not evaluation.gallery:
        return ""
    cards = "".join(_card(evaluation, pictures, f"mask{n}") for n, pictures in enumerate(evaluation.gallery))
    switch = '<label class="switch"><input type="checkbox" id="outlines" checked>outline of the evaluation mask</label>'
    return (
        "<section><h2>Cases</h2>"
        f'<p class="about">{PLANES[0].capitalize()}, {PLANES[1]} and {PLANES[2]} planes through the middle. '
        "Target and synthetic volumes share one window, error maps show synthetic minus target, saturated beyond "
        "their limits"
        f"{_maps(evaluation.gallery)}. Radiological "
        "display: the patient&rsquo;s right (R) is on the left. Press a picture to enlarge all pictures of its case at "
        "that place; move to look around, press again to end.</p>"
        f"{switch if any(pictures.border for pictures in evaluation.gallery) else ''}{cards}</section>"
    )


def _maps(cases: Iterable[CasePictures]) -> str:
    has_spreads = any(pictures.spreads for pictures in cases)
    return "; below them the size of the errors beside the disagreement of the passes" if has_spreads else ""


def _card(evaluation: Evaluation, pictures: CasePictures, mark: str) -> str:
    sources = "".join(
        _figure(
            pictures,
            mark,
            grey_uri(strip.strip, strip.window),
            f"<b>source</b><span>{escape(label(name))}</span>",
            _bar(strip.window),
        )
        for name, strip in pictures.sources.items()
    )
    caption = f"<b>target</b><span>{escape(label(evaluation.task.target))}</span>"
    truth = _figure(
        pictures,
        mark,
        grey_uri(pictures.target.strip, pictures.target.window),
        caption,
        _bar(pictures.target.window),
    )
    models = "".join(_pair(evaluation, pictures, mark, name) for name in evaluation.models)
    oracles = "".join(_pair(evaluation, pictures, mark, name) for name in evaluation.oracles)
    divide = '<p class="divide">Oracles: what needs no learning of images</p>' if oracles else ""
    return (
        f'<article class="case"><header><h3>{escape(pictures.case)}</h3>'
        f"<span>{escape(', '.join(pictures.why))}</span>{_viewer(evaluation, pictures.case)}</header>"
        f"{_outline(pictures, mark)}"
        f'<div class="pair">{sources}{truth}</div>{models}{zoom.row(evaluation, pictures)}{divide}{oracles}</article>'
    )


def _viewer(evaluation: Evaluation, case: str) -> str:
    has_page = evaluation.viewer is not None and case in evaluation.viewer.addresses
    return viewer_link(evaluation, case, "open in the viewer") if has_page else ""


def _pair(evaluation: Evaluation, pictures: CasePictures, mark: str, name: str) -> str:
    synthetic = pictures.synthetic[name]
    error = difference(synthetic, pictures.target.strip)
    caption = f"<b>{escape(name)}</b><span>{escape(_values(evaluation, pictures.case, name))}</span>"
    picture = _figure(pictures, mark, grey_uri(synthetic, pictures.target.window), caption)
    errors = _figure(pictures, mark, error_uri(error, pictures.limit), "<b>error</b>", _error_bar(pictures))
    return f'<div class="pair">{picture}{errors}{_uncertainty_figures(pictures, mark, name, error)}</div>'


def _uncertainty_figures(pictures: CasePictures, mark: str, name: str, error: Strip) -> str:
    """Return maps of absolute error and of disagreement, in the same colours; empty for one pass."""
    if name not in pictures.spreads:
        return ""
    unit = pictures.target.window.unit
    maps = (
        ("absolute error", np.abs(error), pictures.limit),
        ("disagreement", pictures.spreads[name], pictures.spread_limit),
    )
    return "".join(
        _figure(pictures, mark, error_uri(strip, limit), f"<b>{title}</b>", _above(limit, unit))
        for title, strip, limit in maps
    )


def _figure(pictures: CasePictures, mark: str, uri: str, caption: str, bar: str = "") -> str:
    rows, columns = pictures.target.strip.shape[:2]
    sides = "".join(
        f'<span class="side{" end" if n % 2 else ""}" style="left:{letter.edge:.2%}">{escape(letter.text)}</span>'
        for n, letter in enumerate(pictures.letters)
    )
    border = (
        f'<svg class="outline" viewBox="0 0 {columns} {rows}"><use href="#{mark}"/></svg>'
        if pictures.border
        else ""
    )
    return (
        f'<figure><div class="frame" style="aspect-ratio:{columns}/{rows}">'
        f'<img src="{uri}" alt="">{border}{sides}</div><figcaption>{caption}</figcaption>{bar}</figure>'
    )


def _outline(pictures: CasePictures, mark: str) -> str:
    if not pictures.border:
        return ""
    path = "".join(f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" for a, b, c, d in pictures.border)
    return f'<svg width="0" height="0" style="position:absolute"><defs><path id="{mark}" d="{path}"/></defs></svg>'


def _values(evaluation: Evaluation, case: str, name: str) -> str:
    columns = evaluation.main_columns()
    figures = {
        (row.metric, row.protocol): row.value
        for row in evaluation.rows
        if (row.case, row.translator) == (case, name)
    }
    return "  ·  ".join(
        f"{column.label} {column.text(figures[column.metric, column.protocol])}"
        for column in columns
        if (column.metric, column.protocol) in figures
    )


def _bar(window: DisplayWindow) -> str:
    if window.is_colour:
        return ""
    return _scale("#000, #fff", number(window.low), f"{number(window.high)} {window.unit}")


def _error_bar(pictures: CasePictures) -> str:
    unit = pictures.target.window.unit
    if pictures.target.window.is_colour:
        return _above(pictures.limit, unit)
    limit = number(pictures.limit)
    return _scale(_stops(error_palette()), f"{MINUS}{limit}", f"+{limit} {unit}")


def _above(limit: float, unit: str) -> str:
    return _scale(_stops(error_palette()[128:]), "0", f"{number(limit)} {unit}")


def _scale(stops: str, low: str, high: str) -> str:
    return (
        f'<div class="bar"><span>{escape(low)}</span><i style="background:linear-gradient(90deg, {stops})"></i>'
        f"<span>{escape(high)}</span></div>"
    )


def _stops(palette: Pixels) -> str:
    stops: Iterable[Pixels] = palette[:: max(1, len(palette) // 16)]
    return ", ".join(f"rgb({r} {g} {b})" for r, g, b in stops)
