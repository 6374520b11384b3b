"""The report's pictures: a card per case, three planes of source, target, synthetic volumes and errors."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape

import numpy as np

from transmodal.evaluation.drawing.figures import (
    DisplayWindow,
    Pixels,
    difference,
    error_levels,
    error_palette,
    grey,
    label,
    number,
    png,
)
from transmodal.evaluation.drawing.planes import PLANES, Strip
from transmodal.evaluation.measures.gallery import CasePictures, WindowedStrip
from transmodal.evaluation.report import zoom
from transmodal.evaluation.result import Evaluation


def section(evaluation: Evaluation) -> str:
    """Return the section with a card per scene; empty where there is none."""
    if not evaluation.gallery:
        return ""
    cards = "".join(_card(evaluation, scene, f"mask{n}") for n, scene in enumerate(evaluation.gallery))
    switch = '<label class="switch"><input type="checkbox" id="outlines" checked>outline of the evaluation mask</label>'
    return (
        "<section><h2>Cases</h2>"
        f'<p class="about">{PLANES[0].capitalize()}, {PLANES[1]} and {PLANES[2]} planes through the middle. '
        "Target and synthetic volumes share one window, error maps show synthetic minus target, saturated beyond "
        "their limits"
        f"{_maps(evaluation.gallery)}. Radiological "
        "display: the patient&rsquo;s right (R) is on the left.</p>"
        f"{switch if any(scene.border for scene in evaluation.gallery) else ''}{cards}</section>"
    )


def _maps(scenes: Iterable[CasePictures]) -> str:
    has_spreads = any(scene.spreads for scene in scenes)
    return "; below them the size of the errors beside the disagreement of the passes" if has_spreads else ""


def _card(evaluation: Evaluation, scene: CasePictures, mark: str) -> str:
    sources = "".join(
        _figure(
            scene, mark, _uri(strip), f"<b>source</b><span>{escape(label(name))}</span>", _bar(strip.window)
        )
        for name, strip in scene.sources.items()
    )
    caption = f"<b>target</b><span>{escape(label(evaluation.task.target))}</span>"
    truth = _figure(scene, mark, _uri(scene.target), caption, _bar(scene.target.window))
    models = "".join(_pair(evaluation, scene, mark, name) for name in evaluation.models)
    oracles = "".join(_pair(evaluation, scene, mark, name) for name in evaluation.oracles)
    divide = '<p class="divide">Oracles: what needs no learning of images</p>' if oracles else ""
    return (
        f'<article class="case"><header><h3>{escape(scene.case)}</h3>'
        f"<span>{escape(', '.join(scene.why))}</span></header>{_outline(scene, mark)}"
        f'<div class="pair">{sources}{truth}</div>{models}{zoom.row(evaluation, scene)}{divide}{oracles}</article>'
    )


def _pair(evaluation: Evaluation, scene: CasePictures, mark: str, name: str) -> str:
    synthetic = scene.synthetic[name]
    error = difference(synthetic, scene.target.strip)
    caption = f"<b>{escape(name)}</b><span>{escape(_values(evaluation, scene.case, name))}</span>"
    picture = _figure(scene, mark, _uri(WindowedStrip(synthetic, scene.target.window)), caption)
    errors = _figure(scene, mark, _levels(error, scene.limit), "<b>error</b>", _error_bar(scene))
    return f'<div class="pair">{picture}{errors}{_uncertainty_figures(scene, mark, name, error)}</div>'


def _uncertainty_figures(scene: CasePictures, mark: str, name: str, error: Strip) -> str:
    """Show how large errors are beside where the passes disagree, in the same colours; nothing for one pass."""
    if name not in scene.spreads:
        return ""
    unit = scene.target.window.unit
    maps = (
        ("absolute error", np.abs(error), scene.limit),
        ("disagreement", scene.spreads[name], scene.spread_limit),
    )
    return "".join(
        _figure(scene, mark, _levels(strip, limit), f"<b>{title}</b>", _above(limit, unit))
        for title, strip, limit in maps
    )


def _figure(scene: CasePictures, mark: str, uri: str, caption: str, bar: str = "") -> str:
    rows, columns = scene.target.strip.shape[:2]
    sides = "".join(
        f'<span class="side{" end" if n % 2 else ""}" style="left:{letter.edge:.2%}">{escape(letter.text)}</span>'
        for n, letter in enumerate(scene.letters)
    )
    border = (
        f'<svg class="outline" viewBox="0 0 {columns} {rows}"><use href="#{mark}"/></svg>'
        if scene.border
        else ""
    )
    return (
        f'<figure><div class="frame" style="aspect-ratio:{columns}/{rows}">'
        f'<img src="{uri}" alt="">{border}{sides}</div><figcaption>{caption}</figcaption>{bar}</figure>'
    )


def _outline(scene: CasePictures, mark: str) -> str:
    if not scene.border:
        return ""
    path = "".join(f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" for a, b, c, d in scene.border)
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


def _error_bar(scene: CasePictures) -> str:
    unit = scene.target.window.unit
    if scene.target.window.is_colour:
        return _above(scene.limit, unit)
    limit = number(scene.limit)
    return _scale(_stops(error_palette()), f"\N{MINUS SIGN}{limit}", f"+{limit} {unit}")


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


def _uri(strip: WindowedStrip) -> str:
    return _data(png(grey(strip.strip, strip.window)))


def _levels(strip: Strip, limit: float) -> str:
    return _data(png(error_levels(strip, limit), error_palette()))


def _data(encoded: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(encoded).decode('ascii')}"
