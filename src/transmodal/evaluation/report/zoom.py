"""The place of a case where the first model errs most, enlarged: source, target and what each model made."""

from __future__ import annotations

import base64
from html import escape

import numpy as np
from scipy import ndimage

from transmodal.evaluation.drawing.figures import difference, error_levels, error_palette, grey, label, png
from transmodal.evaluation.drawing.planes import Strip
from transmodal.evaluation.measures.gallery import Scene, Shown
from transmodal.evaluation.result import Evaluation

SHARE = 0.3
"""Side of the enlarged square, of the planes' height."""


def square(scene: Scene, name: str) -> tuple[slice, slice]:
    """Return the square of the strip in which a synthetic volume is furthest off, by the mean over the square.

    Where there is an evaluation mask, errors outside it do not count: nobody asked for an image there.
    """
    error = np.nan_to_num(np.abs(difference(scene.made[name], scene.target.strip)))
    if scene.area is not None:
        error = error * (np.nan_to_num(scene.area) > 0.5)
    side = max(8, round(SHARE * error.shape[0]))
    side = min(side, *error.shape)
    mean = ndimage.uniform_filter(error, side, mode="constant")
    # Only squares that lie inside whole.
    half, rest = side // 2, side - side // 2
    inner = mean[half : error.shape[0] - rest + 1, half : error.shape[1] - rest + 1]
    row, column = (int(n) for n in np.unravel_index(inner.argmax(), inner.shape))
    return slice(row, row + side), slice(column, column + side)


def row(evaluation: Evaluation, scene: Scene) -> str:
    """Return the enlarged squares of a case, with the models' errors below; empty without a model."""
    if not evaluation.models:
        return ""
    place = square(scene, evaluation.models[0])
    target = scene.target
    shown = [(label(name), _uri(Shown(one.strip[place], one.window))) for name, one in scene.sources.items()]
    shown.append(("target", _uri(Shown(target.strip[place], target.window))))
    for name in evaluation.models:
        made = scene.made[name][place]
        shown.append((name, _uri(Shown(made, target.window))))
        shown.append(("error", _error(difference(made, target.strip[place]), scene.limit)))
    figures = "".join(
        f'<figure><img src="{uri}" alt=""><figcaption>{escape(name)}</figcaption></figure>'
        for name, uri in shown
    )
    return (
        f'<p class="divide">Enlarged where {escape(evaluation.models[0])} errs most</p>'
        f'<div class="zoom">{figures}</div>'
    )


def _uri(shown: Shown) -> str:
    return _data(png(grey(shown.strip, shown.window)))


def _error(error: Strip, limit: float) -> str:
    return _data(png(error_levels(error, limit), error_palette()))


def _data(encoded: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(encoded).decode('ascii')}"
